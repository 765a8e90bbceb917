// AWS: AssumeRoleWithWebIdentity trades a JWT of an issuer that IAM was told to trust for the keys of a role session, which
// sign each request (placement `sigv4`), or for a short-term Bedrock API key made of them. The call is not signed: the token
// is its proof. STS API reference, AssumeRoleWithWebIdentity; aws-sdk-js-v3, nested-clients/sts/schemas.
// There is no parameter for session tags nor for a source identity: STS takes both from claims of the token alone
// (`https://aws.amazon.com/tags`, `https://aws.amazon.com/source_identity`; IAM User Guide, "Passing session tags using
// AssumeRoleWithWebIdentity"), so that they are the issuer's word and not the gate's. `session_tags` insists on them.

import * as z from 'zod';
import { secretOfAwsKeys } from '../../base/aws-keys.ts';
import { duration, httpUrl } from '../../base/scalars.ts';
import { loadSigner } from '../../base/sigv4.ts';
import { createBedrockKey } from '../aws-bedrock-key.ts';
import { awsRegion, policySchema, sessionNameOf, sessionNameSchema, sessionPolicyOf } from '../aws-session.ts';
import { type RoleSession, readSession } from '../aws-session-answer.ts';
import { askSts, readStsError, stsEndpoint, stsReasons, stsVersion } from '../aws-sts.ts';
import { requireTags } from '../aws-tags.ts';
import { refuseOversize } from '../federation.ts';
import type { Grant, GrantPorts, Hop, Input, Issued, RouteAsk } from '../grant.ts';
import { reportUnprotected, subjectShape, timeoutShape } from '../issuer-schema.ts';
import { sourceOf } from '../sources/compile.ts';
import { refuseUnsent } from '../token-endpoint.ts';
import { refusalOf } from '../token-error.ts';

export const type = 'aws_web_identity';
export const asks: readonly RouteAsk[] = ['scopes', 'resource'];

/** Audience of the token unless the provider in IAM has another (AWS SDKs and console: the client id to register). */
const defaultAudience = 'sts.amazonaws.com';

/** Longest WebIdentityToken, in characters (STS API reference). */
const maxTokenLength = 20_000;

const arn = z.string().regex(/^arn:aws[a-z-]{0,12}:iam::(?:\d{12}|aws):[\w+=,.@/:-]{1,512}$/, 'is not an ARN of IAM');

export const schema = z.strictObject({
  grant: z
    .literal(type)
    .describe('AWS role sessions by AssumeRoleWithWebIdentity. Scopes of a route are IAM actions, its resources ARNs.'),
  region: awsRegion.describe('Region whose Security Token Service is asked, such as `eu-central-1`.'),
  role_arn: arn.describe('The role to act as; its trust policy names the issuer and audience of the token.'),
  audience: z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'is not an audience')
    .default(defaultAudience)
    .describe('Audience registered for the issuer in IAM, which its tokens must carry.'),
  session_name: sessionNameSchema
    .default('postern-{caller}')
    .describe(
      'RoleSessionName, which CloudTrail shows: `{caller}` and `{subject}` stand for digests, `{caller_sub}` and `{subject_sub}` for names as they are.',
    ),
  duration: duration
    .refine((ms) => ms >= 900_000 && ms <= 43_200_000, 'must be between 15m and 12h')
    .prefault('1h')
    .describe("Life of a session; above an hour the role's own maximum must allow it."),
  session_policy: policySchema
    .optional()
    .describe('IAM policy document: sessions can do no more than it and the role both allow.'),
  session_policy_arns: z
    .array(arn)
    .max(10)
    .default([])
    .describe('Managed policies that narrow the session in the same way.'),
  session_tags: z
    .array(z.string().regex(/^[\w .:/=+@-]{1,128}$/, 'is not a tag key'))
    .max(50)
    .default([])
    .describe(
      'Keys that must be among the session tags the token carries (claim `https://aws.amazon.com/tags`); else it is not sent.',
    ),
  credential: z
    .enum(['aws_keys', 'bedrock_api_key'])
    .default('aws_keys')
    .describe('Keys that sign each request (placement `sigv4`), or a short-term Bedrock API key (placement `bearer`).'),
  bedrock_region: awsRegion.optional().describe('Region the Bedrock API key is for; `region` by default.'),
  sts_endpoint: httpUrl.optional().describe("The Security Token Service; the region's own by default."),
  ...timeoutShape,
  ...subjectShape,
});

export type Options = z.output<typeof schema>;

export function create(options: Options, ports: GrantPorts): Grant {
  const { region, role_arn: role, timeout, credential, session_tags: tags } = options;
  const { clock, send, report } = ports;
  const endpoint = options.sts_endpoint ?? stsEndpoint(region);
  reportUnprotected(endpoint, 'sts_endpoint', report);
  const source = sourceOf(options.subject_source, ports);
  const fixed: readonly Input[] = [
    ['DurationSeconds', String(Math.floor(options.duration / 1_000))],
    ...options.session_policy_arns.map((one, at): Input => [`PolicyArns.member.${at + 1}.arn`, one]),
  ];

  function plan(hop: Hop): readonly Input[] {
    const policy = sessionPolicyOf(options.session_policy, hop);
    return [
      ['Action', 'AssumeRoleWithWebIdentity'],
      ['Version', stsVersion],
      ['RoleArn', role],
      ['RoleSessionName', sessionNameOf(options.session_name, hop)],
      ['WebIdentityToken', hop.subject.token],
      ...(policy === undefined ? [] : [['Policy', policy] as const]),
      ...fixed,
    ];
  }

  async function issued({ keys, endsAt }: RoleSession): Promise<Issued> {
    const now = clock.now();
    const expiresIn = (endsAt - now) / 1_000;
    const bedrock = { region: options.bedrock_region ?? region, lifetime: expiresIn, at: now };
    const token = credential === 'aws_keys' ? secretOfAwsKeys(keys) : await createBedrockKey(keys, bedrock);
    return { token, issuedTokenType: undefined, isAccessToken: true, expiresIn, scopes: undefined };
  }

  return {
    type,
    kind: source === undefined ? 'exchanged' : 'client_credentials',
    issuer: endpoint,
    endpoint,
    clientId: undefined,
    verifies: false,
    audience: role,
    subjectAudience: options.audience,
    source,
    ...(credential === 'aws_keys' ? { signsOnly: true } : { bearerOnly: true }),
    plan,
    async obtain(hop, { traceparent }) {
      const { token, origin } = hop.subject;
      refuseOversize(hop.subject, maxTokenLength, type);
      requireTags(tags, token);
      const question = { endpoint, inputs: plan(hop), secrets: [token], traceparent, timeoutMs: timeout };
      const { response, redact } = await askSts(send, question).catch((failure: unknown) =>
        refuseUnsent(failure, 'AssumeRoleWithWebIdentity'),
      );
      if (response.status === 200) return issued(readSession(response, sessionNameOf(options.session_name, hop)));
      throw refusalOf(response, { hasSubject: origin === 'call', redact, reasons: stsReasons, read: readStsError });
    },
    prepare: loadSigner,
  };
}
