// OpenAI's token endpoint: POST /oauth/token, JSON with RFC 8693 names. As developers.openai.com "Workload identity token
// exchange" and openai 7.57.0 (src/internal/auth/x509-token-exchange.ts, readOAuthErrorCode) have it: required members,
// unknown ones refused, kid and iat required, the token never longer than the subject token and an hour.

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

export interface OpenAiOptions {
  readonly clock: Clock;
  readonly trust: Trust;
  readonly provider?: string;
  readonly serviceAccount?: string;
}

export interface OpenAiVendor extends VendorServer {
  readonly tokens: IssuedTokens;
  readonly tokenEndpoint: string;
}

export const openaiIds = { identity_provider_id: 'idp_test', service_account_id: 'user-svc-test' };

const subjectTypes = ['jwt', 'id_token'].map((name) => `urn:ietf:params:oauth:token-type:${name}`);
const members = new Set(['grant_type', 'subject_token', 'subject_token_type', 'client_id', ...Object.keys(openaiIds)]);

export async function startOpenAiVendor({
  clock,
  trust,
  provider,
  serviceAccount,
}: OpenAiOptions): Promise<OpenAiVendor> {
  const verify = createVerifier({ clock, trust, required: ['sub', 'exp', 'iat', 'aud', 'iss'] });
  const tokens = createIssuedTokens(clock);

  async function exchange(request: VendorRequest): Promise<VendorAnswer> {
    if (request.method !== 'POST' || request.path !== '/oauth/token') return { status: 403, body: '' };
    const invalid = invalidRequest(request);
    if (invalid !== undefined) return problem(400, 'invalid_request', invalid);
    if (member(request, 'identity_provider_id') !== (provider ?? openaiIds.identity_provider_id)) {
      return problem(400, 'invalid_grant', 'Workload identity provider could not be resolved.');
    }
    const verdict = await verify(member(request, 'subject_token') ?? '');
    if (verdict.failure === 'keys_unavailable') return problem(503, 'token_exchange_server_error', 'Try again.');
    if (verdict.failure === 'not_admitted') return problem(403, 'invalid_grant', 'No enabled mapping matches.');
    if (verdict.failure !== undefined) {
      return problem(401, 'invalid_subject_token', `Subject token validation failed: ${verdict.failure}.`);
    }
    if (member(request, 'service_account_id') !== (serviceAccount ?? openaiIds.service_account_id)) {
      return problem(400, 'invalid_grant', 'No mapping exists for the requested service account.');
    }
    const now = Math.floor(clock.now() / 1_000);
    const expires_in = Math.min(3_600, (verdict.claims.exp ?? now) - now);
    return {
      status: 200,
      body: {
        access_token: tokens.issue('openai-wif-', verdict.claims, expires_in),
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        token_type: 'Bearer',
        expires_in,
        expires_at: now + expires_in,
        scope: 'api.model.read api.model.request',
      },
    };
  }

  const server = await startVendorServer(exchange);
  return { ...server, tokens, tokenEndpoint: `${server.url}/oauth/token` };
}

function invalidRequest(request: VendorRequest): string | undefined {
  if (request.encoding !== 'json') return 'Expected a JSON body.';
  const unknown = Object.keys(request.body ?? {}).find((name) => !members.has(name));
  if (unknown !== undefined) return `Unsupported field: ${unknown}.`;
  if (member(request, 'grant_type') !== 'urn:ietf:params:oauth:grant-type:token-exchange') return 'Unsupported grant.';
  for (const name of ['subject_token', 'subject_token_type', ...Object.keys(openaiIds)]) {
    if (member(request, name) === undefined) return `Missing required parameter: ${name}.`;
  }
  return subjectTypes.includes(member(request, 'subject_token_type') ?? '') ? undefined : 'Unsupported token type.';
}

/** The newer of the two shapes the SDK reads: the code is a member of a map. */
function problem(status: number, code: string, message: string): VendorAnswer {
  return { status, body: { error: { message, type: 'invalid_request_error', param: null, code } } };
}
