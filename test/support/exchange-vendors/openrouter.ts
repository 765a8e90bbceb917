// OpenRouter's token endpoint: POST /api/v1/oauth/token, form. As openrouter.ai/docs "Workload Identity Federation" has it:
// RFC 6749 errors, one generic message for everything wrong with the token, 15 minutes at most, audience and resource
// accepted and ignored, scope `inference` only.

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

export interface OpenRouterVendor extends VendorServer {
  readonly tokens: IssuedTokens;
  readonly tokenEndpoint: string;
}

export const openrouterPolicy = '4b2f7d1e-8c3a-4e5f-9a6b-1c2d3e4f5a6b';

const tokenType = 'urn:ietf:params:oauth:token-type:';
const longestSubject = 16 * 1024;
const quarter = 900;

export async function startOpenRouterVendor(options: { clock: Clock; trust: Trust }): Promise<OpenRouterVendor> {
  const { clock, trust } = options;
  const verify = createVerifier({
    clock,
    trust,
    algorithms: ['ES256', 'RS256'],
    required: ['sub', 'exp', 'aud', 'iss'],
  });
  const tokens = createIssuedTokens(clock);

  async function exchange(request: VendorRequest): Promise<VendorAnswer> {
    const invalid = invalidRequest(request);
    if (invalid !== undefined) return problem(400, invalid, 'The request was not understood.');
    const verdict =
      member(request, 'federation_policy_id') === openrouterPolicy
        ? await verify(member(request, 'subject_token') ?? '')
        : ({ failure: 'not_admitted' } as const);
    if (verdict.failure === 'keys_unavailable') return problem(503, 'temporarily_unavailable', 'Keys not available.');
    if (verdict.failure !== undefined) return problem(400, 'invalid_grant', 'The subject token was not accepted.');
    const left = Math.floor((verdict.claims.exp ?? 0) - clock.now() / 1_000);
    const expires_in = Math.min(quarter, left);
    return {
      status: 200,
      body: {
        access_token: tokens.issue('or-wif-', verdict.claims, expires_in),
        issued_token_type: `${tokenType}access_token`,
        token_type: 'Bearer',
        expires_in,
        scope: 'inference',
      },
    };
  }

  const server = await startVendorServer(exchange);
  return { ...server, tokens, tokenEndpoint: `${server.url}/api/v1/oauth/token` };
}

function invalidRequest(request: VendorRequest): string | undefined {
  if (request.encoding !== 'form' || request.path !== '/api/v1/oauth/token') return 'invalid_request';
  if (member(request, 'grant_type') !== 'urn:ietf:params:oauth:grant-type:token-exchange')
    return 'unsupported_grant_type';
  if (member(request, 'subject_token_type') !== `${tokenType}jwt`) return 'invalid_request';
  if (member(request, 'federation_policy_id') === undefined) return 'invalid_request';
  const subject = member(request, 'subject_token') ?? '';
  if (subject.split('.').length !== 3 || subject.length > longestSubject) return 'invalid_request';
  const scope = member(request, 'scope') ?? 'inference';
  return scope === 'inference' ? undefined : 'invalid_scope';
}

function problem(status: number, error: string, error_description: string): VendorAnswer {
  return { status, body: { error, error_description } };
}
