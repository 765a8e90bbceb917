// A broker in front of a vendor's emulator: Alice's token is meant for the vendor, the agent acts for her, and the exchange
// `corp` federates at the vendor. A test takes this valid world and changes one thing.

import type { Test } from 'tap';
import type { Clock } from '../../src/base/ports.ts';
import type { PermittedCall } from '../../src/call.ts';
import type { Placement } from '../../src/credential.ts';
import type { VerifiedToken } from '../../src/principal.ts';
import type { CallStory } from './exchange-call.ts';
import { anthropicIds, startAnthropicVendor } from './exchange-vendors/anthropic.ts';
import { awsRegion, awsRole } from './exchange-vendors/aws-account.ts';
import { startStsVendor } from './exchange-vendors/aws-sts.ts';
import { databricksPrincipal, startDatabricksVendor } from './exchange-vendors/databricks.ts';
import { entraAudience, entraClient, entraTenant, startEntraVendor } from './exchange-vendors/entra.ts';
import { googleProvider, startGoogleVendor } from './exchange-vendors/google.ts';
import { huggingfaceResource, startHuggingFaceVendor } from './exchange-vendors/huggingface.ts';
import { openaiIds, startOpenAiVendor } from './exchange-vendors/openai.ts';
import { openrouterPolicy, startOpenRouterVendor } from './exchange-vendors/openrouter.ts';
import type { VendorServer } from './exchange-vendors/vendor-server.ts';
import type { Trust } from './exchange-vendors/verifier.ts';
import { type Gate, type GateStory, startWorld, type World } from './exchange-world.ts';

export interface VendorKind<V extends VendorServer> {
  readonly audience: string;
  start(world: { readonly clock: Clock }, trust: Trust): Promise<V>;
  /** The exchange as written in YAML. */
  entry(vendor: V): Record<string, unknown>;
  /** Where the credential goes, when not into `Authorization: Bearer`. */
  readonly placement?: Placement;
}

/** Keeps the type of a vendor's emulator. */
const kind = <V extends VendorServer>(vendor: VendorKind<V>): VendorKind<V> => vendor;

export const anthropic = kind({
  audience: 'https://api.anthropic.com',
  start: ({ clock }, trust) => startAnthropicVendor({ clock, trust }),
  entry: ({ url }) => ({ grant: 'anthropic', base_url: url, ...anthropicIds }),
});

export const aws = kind({
  audience: 'sts.amazonaws.com',
  placement: { kind: 'sigv4', service: 'bedrock', region: awsRegion },
  start: ({ clock }, trust) => startStsVendor({ clock, trust }),
  entry: ({ url }) => ({ grant: 'aws_web_identity', region: awsRegion, role_arn: awsRole, sts_endpoint: url }),
});

export const openai = kind({
  audience: 'https://api.openai.com/v1',
  start: ({ clock }, trust) => startOpenAiVendor({ clock, trust }),
  entry: ({ tokenEndpoint }) => ({ grant: 'openai', token_endpoint: tokenEndpoint, ...openaiIds }),
});

export const openrouter = kind({
  audience: 'https://openrouter.ai/api/v1',
  start: ({ clock }, trust) => startOpenRouterVendor({ clock, trust }),
  entry: ({ tokenEndpoint }) => ({
    grant: 'openrouter',
    token_endpoint: tokenEndpoint,
    federation_policy_id: openrouterPolicy,
  }),
});

export const huggingface = kind({
  audience: 'https://huggingface.co',
  start: ({ clock }, trust) => startHuggingFaceVendor({ clock, trust }),
  entry: ({ tokenEndpoint }) => ({
    grant: 'huggingface',
    token_endpoint: tokenEndpoint,
    resource: huggingfaceResource,
  }),
});

export const databricks = kind({
  audience: 'databricks-acme',
  start: ({ clock }, trust) => startDatabricksVendor({ clock, trust }),
  entry: ({ tokenEndpoint }) => ({
    grant: 'databricks',
    token_endpoint: tokenEndpoint,
    client_id: databricksPrincipal,
    audience: 'databricks-acme',
  }),
});

export const google = kind({
  audience: `https:${googleProvider}`,
  start: ({ clock }, trust) => startGoogleVendor({ clock, trust }),
  entry: ({ stsEndpoint, url }) => ({
    grant: 'google',
    token_endpoint: stsEndpoint,
    iam_endpoint: url,
    audience: googleProvider,
  }),
});

export const entraWorkload = kind({
  audience: entraAudience,
  start: ({ clock }, trust) => startEntraVendor({ clock, trust, users: trust }),
  entry: ({ url }) => ({
    grant: 'entra_workload',
    authority: url,
    tenant: entraTenant,
    client_id: entraClient.id,
    scopes: ['https://cognitiveservices.azure.com/.default'],
  }),
});

export const entraOnBehalfOf = kind({
  audience: entraClient.id,
  start: ({ clock }, trust) => startEntraVendor({ clock, trust, users: trust }),
  entry: ({ url }) => ({
    grant: 'entra_on_behalf_of',
    authority: url,
    tenant: entraTenant,
    client: { auth: 'client_secret_post', id: entraClient.id, secret: entraClient.secret },
    scopes: ['https://cognitiveservices.azure.com/.default'],
  }),
});

export interface Federation<V> {
  readonly world: World;
  readonly vendor: V;
  /** Alice, for the vendor. */
  readonly alice: VerifiedToken;
  /** A call of the agent for her, without scopes. */
  call(changes?: Partial<CallStory>): PermittedCall;
  /** @param changes of the exchange `corp`; `undefined` takes an option away */
  gate(changes?: Record<string, unknown>, story?: GateStory): Gate;
  entry(changes?: Record<string, unknown>): Record<string, unknown>;
}

export async function startFederation<V extends VendorServer>(
  t: Test,
  vendorKind: VendorKind<V>,
): Promise<Federation<V>> {
  const world = await startWorld(t);
  const { issuer } = world;
  const { audience, placement } = vendorKind;
  const route = { audience: undefined, ...(placement !== undefined && { placement }) };
  const vendor = await vendorKind.start(world, { issuer: issuer.url, jwksUri: issuer.jwksUri, audience });
  t.teardown(() => vendor.close());
  const alice = await issuer.mint('alice', { audience });
  const entry = (changes = {}) => ({ ...vendorKind.entry(vendor), ...changes });
  return {
    world,
    vendor,
    alice,
    entry,
    call: (changes = {}) => world.call({ subject: alice, scopes: [], ...changes }),
    gate: (changes, story = {}) => world.gate({ exchanges: { corp: entry(changes) }, routes: [route], ...story }),
  };
}
