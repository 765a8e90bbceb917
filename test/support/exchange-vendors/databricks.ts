// A Databricks workspace's token endpoint: POST /oidc/v1/token, form. As docs.databricks.com "Authenticate with an identity
// provider token" has it: RS256 or ES256 only, `client_id` for a service principal's policy, the life of the subject token.
// Error bodies are RFC 6749's.

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

export interface DatabricksVendor extends VendorServer {
  readonly tokens: IssuedTokens;
  readonly tokenEndpoint: string;
}

export const databricksPrincipal = '7d2f1a34-0000-4000-8000-00000000000d';

export async function startDatabricksVendor(options: { clock: Clock; trust: Trust }): Promise<DatabricksVendor> {
  const { clock, trust } = options;
  const verify = createVerifier({ clock, trust, algorithms: ['RS256', 'ES256'] });
  const tokens = createIssuedTokens(clock);

  async function exchange(request: VendorRequest): Promise<VendorAnswer> {
    if (request.encoding !== 'form' || request.path !== '/oidc/v1/token')
      return problem(400, 'invalid_request', 'Bad request');
    if (member(request, 'grant_type') !== 'urn:ietf:params:oauth:grant-type:token-exchange') {
      return problem(400, 'unsupported_grant_type', 'Unsupported grant type');
    }
    if (member(request, 'scope') === undefined) return problem(400, 'invalid_scope', 'scope is required');
    if (member(request, 'subject_token_type') !== 'urn:ietf:params:oauth:token-type:jwt') {
      return problem(400, 'invalid_request', 'subject_token_type is not supported');
    }
    const client = member(request, 'client_id');
    if (client !== undefined && client !== databricksPrincipal)
      return problem(401, 'invalid_client', 'Client not found');
    const verdict = await verify(member(request, 'subject_token') ?? '');
    if (verdict.failure !== undefined) {
      return problem(400, 'invalid_grant', 'No federation policy of the account or principal matches the token');
    }
    const expires_in = Math.floor((verdict.claims.exp ?? 0) - clock.now() / 1_000);
    const body = {
      access_token: tokens.issue('dapi-oauth-', verdict.claims, expires_in),
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in,
      scope: member(request, 'scope'),
    };
    return { status: 200, body };
  }

  const server = await startVendorServer(exchange);
  return { ...server, tokens, tokenEndpoint: `${server.url}/oidc/v1/token` };
}

function problem(status: number, error: string, error_description: string): VendorAnswer {
  return { status, body: { error, error_description } };
}
