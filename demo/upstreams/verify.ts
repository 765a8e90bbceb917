// Verifies the token of a request as a resource server does (RFC 9068 section 4): signature by the issuer's published
// keys, issuer, audience, type, expiry; then that it says who acts (`act`) and carries the scope the operation needs.

import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import type { HopFacts, TokenProblem } from './facts.ts';

export interface VerifierOptions {
  readonly issuer: string;
  readonly jwksUri: string;
  /** What `aud` must contain. */
  readonly audience: string;
  /** Whether a token without `act` is refused. Default: true, since calls here are made by agents for users. */
  readonly requireActor?: boolean;
}

/** The token is verified (`hop`), or it is not (`problem`); both when it is genuine and yet does not suffice. */
export interface Verdict {
  readonly hop: HopFacts | undefined;
  readonly problem: TokenProblem | undefined;
}

/** @param scope what the operation needs; undefined for one that needs none. */
export type Verify = (token: string | undefined, scope: string | undefined) => Promise<Verdict>;

/** Longest chain read. Stops a deeply nested token from costing more than the request is worth. */
const maxActors = 16;

export function createVerifier({ issuer, jwksUri, audience, requireActor = true }: VerifierOptions): Verify {
  const keys = createRemoteJWKSet(new URL(jwksUri));

  return async function verify(token, scope) {
    if (token === undefined || token === '') return { hop: undefined, problem: 'missing' };
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        typ: 'at+jwt',
        algorithms: ['ES256', 'ES384', 'RS256', 'EdDSA'],
        requiredClaims: ['sub', 'iat', 'exp'],
      });
      const hop = hopFacts(payload);
      return { hop, problem: insufficiency(hop, scope, requireActor) };
    } catch (failure) {
      return { hop: undefined, problem: problemOf(failure) };
    }
  };
}

/** The token of `Authorization: Bearer ...`; undefined when there is none. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer ([A-Za-z0-9._~+/=-]+)$/i.exec(authorization ?? '')?.[1];
}

function insufficiency(hop: HopFacts, scope: string | undefined, requireActor: boolean): TokenProblem | undefined {
  if (requireActor && hop.actors.length === 0) return 'no_actor';
  return scope === undefined || hop.scopes.includes(scope) ? undefined : 'insufficient_scope';
}

function hopFacts(claims: JWTPayload): HopFacts {
  const { sub = '', aud = [], iat = 0, exp = 0 } = claims;
  return {
    sub,
    audiences: typeof aud === 'string' ? [aud] : aud,
    scopes: (text(claims['scope']) ?? '').split(' ').filter((scope) => scope !== ''),
    actors: actorsOf(claims['act']),
    clientId: text(claims['client_id']),
    lifetime: exp - iat,
    txn: text(claims['txn']),
  };
}

function actorsOf(act: unknown): string[] {
  const actors: string[] = [];
  for (let level = act; isRecord(level) && actors.length < maxActors; level = level['act']) {
    actors.push(text(level['sub']) ?? '?');
  }
  return actors;
}

function problemOf(failure: unknown): TokenProblem {
  if (failure instanceof errors.JWTExpired) return 'expired';
  if (failure instanceof errors.JWTClaimValidationFailed) {
    if (failure.claim === 'aud') return 'wrong_audience';
    if (failure.claim === 'iss') return 'wrong_issuer';
    if (failure.claim === 'typ') return 'wrong_type';
  }
  const signature = [errors.JWSSignatureVerificationFailed, errors.JWKSNoMatchingKey];
  return signature.some((kind) => failure instanceof kind) ? 'bad_signature' : 'malformed';
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
