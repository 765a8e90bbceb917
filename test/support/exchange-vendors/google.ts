// Google's Security Token Service (POST /v1/token, form) and generateAccessToken of the IAM Service Account Credentials API
// (POST /v1/projects/-/serviceAccounts/{email}:generateAccessToken, JSON), on one port. Errors as google-github-actions/auth
// #60 and #161 quote them (STS: RFC 6749; IAM: google.rpc.Status).

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

export interface GoogleVendor extends VendorServer {
  readonly stsEndpoint: string;
  /** Federated tokens. */
  readonly federated: IssuedTokens;
  /** Service account tokens. */
  readonly tokens: IssuedTokens;
}

export const googleProvider =
  '//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/agents/providers/corp';
export const googleAccount = 'research@acme.iam.gserviceaccount.com';
export const cloudPlatform = 'https://www.googleapis.com/auth/cloud-platform';

const tokenType = 'urn:ietf:params:oauth:token-type:';

export async function startGoogleVendor(options: {
  clock: Clock;
  trust: Trust;
  /** Whether the federated identity has roles/iam.workloadIdentityUser on the account. */
  mayImpersonate?: boolean;
}): Promise<GoogleVendor> {
  const { clock, trust, mayImpersonate = true } = options;
  const verify = createVerifier({ clock, trust });
  const federated = createIssuedTokens(clock);
  const tokens = createIssuedTokens(clock);

  async function sts(request: VendorRequest): Promise<VendorAnswer> {
    if (request.encoding !== 'form') return problem('invalid_request', 'Invalid content type.');
    if (member(request, 'actor_token') !== undefined) return problem('invalid_request', 'Unknown name "actor_token".');
    if (!/^\/\/iam\.googleapis\.com\//.test(member(request, 'audience') ?? '')) {
      return problem('invalid_request', 'Invalid value for "audience". This value should be the full resource name.');
    }
    if (member(request, 'audience') !== googleProvider) {
      return problem('invalid_target', 'The target service indicated by the "audience" parameters is invalid.');
    }
    if (member(request, 'requested_token_type') !== `${tokenType}access_token`) {
      return problem('invalid_request', 'Invalid requested_token_type.');
    }
    const verdict = await verify(member(request, 'subject_token') ?? '');
    if (verdict.failure === 'not_admitted') {
      return problem('unauthorized_client', 'The given credential is rejected by the attribute condition.');
    }
    if (verdict.failure !== undefined)
      return problem('invalid_grant', `The credential is not valid: ${verdict.failure}.`);
    const left = Math.floor((verdict.claims.exp ?? 0) - clock.now() / 1_000);
    const expires_in = Math.min(3_600, left);
    const claims = { ...verdict.claims, scope: member(request, 'scope') };
    const access_token = federated.issue('ya29.d.', claims, expires_in);
    const answer = { access_token, issued_token_type: `${tokenType}access_token`, token_type: 'Bearer', expires_in };
    return { status: 200, body: answer };
  }

  function generate(request: VendorRequest): VendorAnswer {
    const caller = federated.of(request.headers.authorization);
    if (caller === undefined) return rpc(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.');
    const email = /serviceAccounts\/([^:/]+):generateAccessToken$/.exec(request.path)?.[1];
    const denied = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).";
    if (email !== googleAccount || !mayImpersonate) return rpc(403, 'PERMISSION_DENIED', denied);
    if (!String(caller.claims['scope']).includes(cloudPlatform)) {
      return rpc(403, 'PERMISSION_DENIED', 'Request had insufficient authentication scopes.');
    }
    const { scope, lifetime } = request.body ?? {};
    if (!Array.isArray(scope) || scope.length === 0) return rpc(400, 'INVALID_ARGUMENT', 'Scope is required.');
    const seconds = Number(/^(\d+)s$/.exec(String(lifetime))?.[1] ?? 3_600);
    if (seconds > 43_200) return rpc(400, 'INVALID_ARGUMENT', 'Lifetime is too long.');
    const accessToken = tokens.issue('ya29.c.', { ...caller.claims, scope: scope.join(' ') }, seconds);
    const end = Math.floor(clock.now() / 1_000) + seconds;
    return { status: 200, body: { accessToken, expireTime: `${new Date(end * 1_000).toISOString().slice(0, 19)}Z` } };
  }

  const server = await startVendorServer((request) =>
    request.path === '/v1/token' ? sts(request) : generate(request),
  );
  return { ...server, stsEndpoint: `${server.url}/v1/token`, federated, tokens };
}

function problem(error: string, error_description: string): VendorAnswer {
  return { status: 400, body: { error, error_description } };
}

function rpc(code: number, status: string, message: string): VendorAnswer {
  return { status: code, body: { error: { code, message, status } } };
}
