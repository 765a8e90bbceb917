// The authorization server of another domain: takes JWT authorization grants (RFC 7523) of an issuer it trusts, plain ones of
// identity chaining and ID-JAGs, and issues access tokens of its own. Checks an ID-JAG as its draft demands: typ, a sole
// audience that is this server, client_id of whoever redeems it, each `jti` once. Keeps sub and act in what it issues.

import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import type { Clock } from '../../../src/base/ports.ts';
import {
  member,
  startVendorServer,
  type VendorAnswer,
  type VendorRequest,
  type VendorServer,
} from './vendor-server.ts';
import { createVerifier, type Trust } from './verifier.ts';

export interface AuthorizationServer extends VendorServer {
  readonly issuer: string;
  readonly tokenEndpoint: string;
  /** Changes the claims of what is issued. */
  bend(change: ((claims: JWTPayload) => JWTPayload) | undefined): void;
}

export const chainClient = { id: 'postern-at-b', secret: 'secret-at-b' };

export async function startAuthorizationServer(options: {
  clock: Clock;
  /** Its audience is this server unless given. */
  trust: Omit<Trust, 'audience'>;
  /** Takes nothing but ID-JAGs. */
  idJagOnly?: boolean;
  /** `client_id` that an ID-JAG must have: who redeems it, as its issuer knows them. */
  idJagFor?: string;
  /** Of what is issued, in seconds. */
  lifetime?: number;
}): Promise<AuthorizationServer> {
  const { clock, trust, idJagOnly = false, idJagFor = chainClient.id, lifetime = 3_600 } = options;
  const keys = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'b1', alg: 'ES256' };
  const seen = new Set<string>();
  let bend: ((claims: JWTPayload) => JWTPayload) | undefined;

  async function exchange(request: VendorRequest): Promise<VendorAnswer> {
    if (request.path === '/.well-known/openid-configuration') {
      const metadata = { issuer: server.url, token_endpoint: `${server.url}/token`, jwks_uri: `${server.url}/jwks` };
      return { status: 200, body: metadata };
    }
    if (request.path === '/jwks') return { status: 200, body: { keys: [jwk] } };
    if (!isClient(request.headers.authorization)) return problem(401, 'invalid_client');
    if (member(request, 'grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer') {
      return problem(400, 'unsupported_grant_type');
    }
    const assertion = member(request, 'assertion') ?? '';
    const verify = createVerifier({ clock, trust: { ...trust, audience: server.url } });
    const verdict = await verify(assertion);
    if (verdict.failure !== undefined) return problem(400, 'invalid_grant', verdict.failure);
    const { claims } = verdict;
    const isIdJag = decodeProtectedHeader(assertion).typ === 'oauth-id-jag+jwt';
    if (idJagOnly && !isIdJag) return problem(400, 'invalid_grant', 'not an ID-JAG');
    if (isIdJag && decodeJwt(assertion).aud !== server.url)
      return problem(400, 'invalid_grant', 'audience is not sole');
    if (isIdJag && claims['client_id'] !== idJagFor) return problem(400, 'invalid_grant', 'for another client');
    if (claims.jti !== undefined && seen.has(claims.jti)) return problem(400, 'invalid_grant', 'redeemed before');
    if (claims.jti !== undefined) seen.add(claims.jti);
    return issue(request, claims);
  }

  async function issue(request: VendorRequest, { sub, act }: JWTPayload & { act?: unknown }): Promise<VendorAnswer> {
    const now = Math.floor(clock.now() / 1_000);
    const aud = [member(request, 'audience'), member(request, 'resource')].filter((value) => value !== undefined);
    const scope = member(request, 'scope');
    const claims: JWTPayload = { iss: server.url, aud, iat: now, exp: now + lifetime, jti: `b-${seen.size}` };
    if (sub !== undefined) claims.sub = sub;
    if (act !== undefined) claims['act'] = act;
    if (scope !== undefined) claims['scope'] = scope;
    const token = await new SignJWT(bend?.(claims) ?? claims)
      .setProtectedHeader({ alg: 'ES256', kid: 'b1', typ: 'at+jwt' })
      .sign(keys.privateKey);
    return { status: 200, body: { access_token: token, token_type: 'Bearer', expires_in: lifetime } };
  }

  const server = await startVendorServer(exchange);
  return {
    ...server,
    issuer: server.url,
    tokenEndpoint: `${server.url}/token`,
    bend(change) {
      bend = change;
    },
  };
}

function isClient(authorization: string | undefined): boolean {
  const pair = `${chainClient.id}:${chainClient.secret}`;
  return authorization === `Basic ${Buffer.from(pair).toString('base64')}`;
}

function problem(status: number, error: string, error_description = ''): VendorAnswer {
  return { status, body: { error, error_description } };
}
