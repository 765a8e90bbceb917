// A gate in front of Amazon Bedrock: the organisation's issuer first, STS with the result, and each call signed with the keys
// of a role session, or sent with a Bedrock API key made of them. The runtime and STS are emulators that verify as AWS does.

import { AnthropicBedrock } from '@anthropic-ai/bedrock-sdk';
import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { Test } from 'tap';
import { gateClient } from './e2e-issuer.ts';
import { type Document, startE2e, type World } from './e2e-world.ts';
import { awsRegion, awsRole } from './exchange-vendors/aws-account.ts';
import { type BedrockVendor, startBedrock } from './exchange-vendors/aws-bedrock.ts';
import { type StsVendor, startStsVendor } from './exchange-vendors/aws-sts.ts';
import { clockAt, type MovableClock, start } from './sts-issuer.ts';

export const model = 'amazon.nova-lite-v1:0';
export const profile = 'arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0';
export const claude = 'anthropic.claude-haiku-4-5-20251001-v1:0';
export const said = 'Hello from Bedrock ä€';

export interface BedrockStory {
  /** Of the exchange `aws`. */
  readonly aws?: Document;
  /** Of both routes. */
  readonly route?: Document;
  /** Whether the audience asked of the issuer is the one IAM knows. */
  readonly audience?: string;
}

export interface BedrockWorld extends World {
  readonly clock: MovableClock;
  readonly sts: StsVendor;
  readonly bedrock: BedrockVendor;
  /** The agent's own token, and the headers that name its user. */
  credentials(user?: string): Promise<{ readonly token: string; readonly headers: Record<string, string> }>;
}

export async function startBedrockWorld(t: Test, story: BedrockStory = {}): Promise<BedrockWorld> {
  const clock = clockAt(start);
  let sts: StsVendor | undefined;
  let bedrock: BedrockVendor | undefined;
  const world = await startE2e(t, {
    clock,
    config: async ({ issuer }) => {
      const audience = 'sts.amazonaws.com';
      sts = await startStsVendor({ clock, trust: { issuer: issuer.issuer, jwksUri: issuer.jwksUri, audience } });
      bedrock = await startBedrock({ clock, account: sts.account });
      const exchange = {
        grant: 'token_exchange',
        issuer: issuer.issuer,
        token_endpoint: issuer.tokenEndpoint,
        client: { ...gateClient, auth: 'client_secret_basic' },
      };
      const own = { grant: 'aws_web_identity', region: awsRegion, role_arn: awsRole, sts_endpoint: sts.url };
      const route = (preset: string) => ({
        preset,
        upstream: bedrock?.url,
        exchange: 'corp-aws',
        placement: { sigv4: { service: 'bedrock', region: awsRegion } },
        allow: [{ id: 'anyone' }],
        ...story.route,
      });
      const corp = { exchange: 'corp', scopes: [], ...(story.audience && { audience: story.audience }) };
      return {
        exchanges: {
          corp: exchange,
          aws: { ...own, ...story.aws },
          'corp-aws': { grant: 'chain', steps: [corp, { exchange: 'aws' }] },
        },
        routes: [route('bedrock'), route('anthropic-bedrock')],
      };
    },
  });
  if (sts === undefined || bedrock === undefined) throw new TypeError('the vendor was not started');
  const { close } = sts;
  const { close: closeBedrock } = bedrock;
  t.teardown(() => Promise.all([close(), closeBedrock()]));
  return {
    ...world,
    clock,
    sts,
    bedrock,
    async credentials(user = 'alice') {
      const [token, subject] = await Promise.all([world.agent(), world.user(user)]);
      return { token, headers: { 'Postern-Subject-Token': subject } };
    },
  };
}

/** @param keys dummy keys with the agent's token for a session token, or its token in the place of a Bedrock API key */
export async function bedrockClient(
  t: Test,
  world: BedrockWorld,
  keys: 'dummy' | 'bearer' = 'bearer',
): Promise<BedrockRuntimeClient> {
  const { token, headers } = await world.credentials();
  const common = {
    region: awsRegion,
    maxAttempts: 1,
    endpoint: `${world.gate}/bedrock`,
    // It speaks HTTP/2 unless told otherwise.
    requestHandler: new NodeHttpHandler(),
  };
  const dummy = { accessKeyId: 'AKIADUMMYDUMMYDUMMY1', secretAccessKey: 'dummy', sessionToken: token };
  const made =
    keys === 'dummy'
      ? new BedrockRuntimeClient({ ...common, credentials: dummy })
      : new BedrockRuntimeClient({ ...common, token: { token }, authSchemePreference: ['httpBearerAuth'] });
  made.middlewareStack.add(
    (next) => (args) => {
      Object.assign((args.request as { headers: Record<string, string> }).headers, headers);
      return next(args);
    },
    { step: 'build' },
  );
  t.teardown(() => made.destroy());
  return made;
}

export async function anthropicClient(
  world: BedrockWorld,
  keys: 'dummy' | 'bearer' = 'bearer',
): Promise<AnthropicBedrock> {
  const { token, headers } = await world.credentials();
  const common = { baseURL: `${world.gate}/anthropic-bedrock`, maxRetries: 0, defaultHeaders: headers };
  const dummy = { awsAccessKey: 'dummy', awsSecretKey: 'dummy', awsSessionToken: token };
  return keys === 'bearer'
    ? new AnthropicBedrock({ ...common, apiKey: token })
    : new AnthropicBedrock({ ...common, apiKey: null, ...dummy });
}
