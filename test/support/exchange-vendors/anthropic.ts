// Anthropic's token endpoint: POST /v1/oauth/token, JSON, RFC 7523 jwt-bearer. As platform.claude.com/docs "WIF reference" has
// it: opaque 401 authentication_error for whatever is wrong with the assertion, 400 invalid_request_error for the request,
// an assertion with a `jti` taken once, the token of at most twice what was left of the assertion.

import type { Clock } from '../../../src/base/ports.ts';
import { createIssuedTokens, type IssuedTokens } from './issued-tokens.ts';
import {
  member,
  startVendorServer,
  type VendorAnswer,
  type VendorRequest,
  type VendorServer,
} from './vendor-server.ts';
import { createVerifier, type Trust } from './verifier.ts';

export interface AnthropicOptions {
  readonly clock: Clock;
  readonly trust: Trust;
  readonly rule?: string;
  readonly organization?: string;
  readonly serviceAccount?: string;
  /** Workspaces the rule is enabled for. */
  readonly workspaces?: readonly string[];
  /** Seconds. */
  readonly lifetime?: number;
}

export interface AnthropicVendor extends VendorServer {
  readonly tokens: IssuedTokens;
  /** Why assertions were refused, as the console's authentication history would say. */
  readonly history: readonly string[];
}

export const anthropicIds = {
  federation_rule_id: 'fdrl_01test',
  organization_id: '00000000-0000-4000-8000-000000000001',
  service_account_id: 'svac_01test',
};

const longestAssertion = 16 * 1024;
const betas = ['oauth-2025-04-20', 'oidc-federation-2026-04-01'];

export async function startAnthropicVendor(options: AnthropicOptions): Promise<AnthropicVendor> {
  const { clock, trust, workspaces = ['wrkspc_01test'], lifetime = 3_600 } = options;
  const verify = createVerifier({ clock, trust });
  const tokens = createIssuedTokens(clock);
  const seen = new Set<string>();
  const history: string[] = [];

  function refused(reason: string): VendorAnswer {
    history.push(reason);
    return problem(401, 'authentication_error', 'Authentication failed');
  }

  async function exchange(request: VendorRequest): Promise<VendorAnswer> {
    if (request.method !== 'POST' || request.path !== '/v1/oauth/token')
      return problem(404, 'not_found_error', 'Not found');
    const invalid = invalidRequest(request);
    if (invalid !== undefined) return problem(400, 'invalid_request_error', invalid);
    if (member(request, 'federation_rule_id') !== (options.rule ?? anthropicIds.federation_rule_id))
      return refused('rule');
    if (member(request, 'organization_id') !== (options.organization ?? anthropicIds.organization_id)) {
      return refused('organization');
    }
    if (member(request, 'service_account_id') !== (options.serviceAccount ?? anthropicIds.service_account_id)) {
      return refused('service_account');
    }
    const workspace = member(request, 'workspace_id');
    if (workspace === undefined && workspaces.length > 1) return refused('workspace_id_required');
    if (workspace !== undefined && !workspaces.includes(workspace)) return refused('workspace');

    const verdict = await verify(member(request, 'assertion') ?? '');
    if (verdict.failure !== undefined) return refused(verdict.failure);
    const { claims } = verdict;
    if (claims.jti !== undefined && seen.has(claims.jti)) return refused('jti_reused');
    if (claims.jti !== undefined) seen.add(claims.jti);

    const left = (claims.exp ?? 0) - clock.now() / 1_000;
    const expires_in = Math.max(60, Math.min(lifetime, Math.floor(2 * left)));
    const access_token = tokens.issue('sk-ant-oat01-', claims, expires_in);
    return { status: 200, body: { access_token, token_type: 'Bearer', expires_in, scope: 'workspace:developer' } };
  }

  const server = await startVendorServer(async (request) => {
    const answer = await exchange(request);
    return { ...answer, headers: { 'request-id': `req_${server.received.length}` } };
  });
  return { ...server, tokens, history };
}

function invalidRequest(request: VendorRequest): string | undefined {
  if (request.encoding !== 'json') return 'Expected a JSON body';
  const sent = String(request.headers['anthropic-beta'] ?? '').split(',');
  if (betas.some((beta) => !sent.includes(beta))) return 'anthropic-beta: a required value is missing';
  if (member(request, 'grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer') return 'grant_type: unsupported';
  for (const name of ['assertion', ...Object.keys(anthropicIds)]) {
    if (member(request, name) === undefined) return `${name}: Field required`;
  }
  if ((member(request, 'assertion') ?? '').length > longestAssertion) return 'assertion: too long';
  if (!/^fdrl_/.test(member(request, 'federation_rule_id') ?? '')) return 'federation_rule_id: malformed';
  const workspace = member(request, 'workspace_id') ?? 'default';
  return /^(default|wrkspc_\w+)$/.test(workspace) ? undefined : 'workspace_id: expected wrkspc_... or "default"';
}

/** Standard shape of the API's errors. */
function problem(status: number, type: string, message: string): VendorAnswer {
  return { status, body: { type: 'error', error: { type, message } } };
}
