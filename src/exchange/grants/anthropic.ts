// Anthropic workload identity federation: RFC 7523 jwt-bearer as JSON, for a token of one service account and workspace.
// Request, headers and the 16 KiB limit: @anthropic-ai/sdk 1.12.0, src/lib/credentials/{types,oidc-federation}.ts. Calls with
// the token need `anthropic-beta: oauth-2025-04-20` beside the client's own values (client.ts, prepareRequest), and exactly
// one of Authorization and x-api-key. An assertion that has a `jti` is taken once (`check_jti`, WIF reference; claude-code
// #89095), and every refusal of one is the same opaque 401: the console's authentication history says why.

import * as z from 'zod';
import { httpUrl } from '../../base/scalars.ts';
import { createFederation, vendorId } from '../federation.ts';
import type { Grant, GrantPorts, Input, RouteAsk } from '../grant.ts';
import { jwtBearerGrant } from '../grant-type.ts';
import { subjectShape, timeoutShape } from '../issuer-schema.ts';
import type { ReasonOfCode } from '../token-error.ts';

export const type = 'anthropic';
export const asks: readonly RouteAsk[] = [];

const origin = 'https://api.anthropic.com';
const oauthBeta = 'oauth-2025-04-20';
const federationBeta = 'oidc-federation-2026-04-01';

export const schema = z.strictObject({
  grant: z.literal(type).describe('Anthropic workload identity federation.'),
  base_url: httpUrl.default(origin).describe("Anthropic's API; another one for tests."),
  federation_rule_id: vendorId.describe('The federation rule that admits the assertion (`fdrl_...`).'),
  organization_id: vendorId.describe('UUID of the Anthropic organization.'),
  service_account_id: vendorId.describe('The service account the calls are made as (`svac_...`).'),
  workspace_id: vendorId
    .optional()
    .describe('Workspace of the token (`wrkspc_...` or `default`); needed where the rule is enabled for several.'),
  ...subjectShape,
  ...timeoutShape,
});

export type Options = z.output<typeof schema>;

/** WIF reference, "Token exchange errors": which of an assertion's checks failed is not told. */
const reasons: ReasonOfCode = new Map([
  ['authentication_error', 'subject_token_rejected'],
  ['permission_error', 'exchange_denied'],
  ['invalid_request_error', 'exchange_misconfigured'],
]);

export function create(options: Options, ports: GrantPorts): Grant {
  const base = options.base_url.replace(/\/$/, '');
  const target: Input[] = [
    ['federation_rule_id', options.federation_rule_id],
    ['organization_id', options.organization_id],
    ['service_account_id', options.service_account_id],
  ];
  if (options.workspace_id !== undefined) target.push(['workspace_id', options.workspace_id]);

  return createFederation(
    {
      type,
      encoding: 'json',
      headers: { 'anthropic-beta': `${oauthBeta},${federationBeta}` },
      inputs: ({ subject }) => [['grant_type', jwtBearerGrant], ['assertion', subject.token], ...target],
      audience: base,
      subjectAudience: base,
      spendsSubject: true,
      callHeaders: { 'anthropic-beta': oauthBeta },
      reasons,
    },
    { ...options, token_endpoint: `${base}/v1/oauth/token` },
    ports,
  );
}
