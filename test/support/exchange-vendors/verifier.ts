// How a vendor checks a federated JWT: signature by the JWKS of the issuer it was told to trust (kept for a while, as vendors
// do), then issuer, required claims, time, audience and subject. Says which check failed; what of that is told is up to
// each vendor's emulator. Needs no test runner: the demo uses the emulators too.

import {
  createLocalJWKSet,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
  type JWTHeaderParameters,
  type JWTPayload,
  jwtVerify,
} from 'jose';
import type { Clock } from '../../../src/base/ports.ts';

export interface Trust {
  /** Exactly as `iss` has it. */
  readonly issuer: string;
  readonly jwksUri: string;
  /** One value that `aud` must contain. */
  readonly audience: string;
  /** Whose tokens are admitted; everybody's by default. */
  readonly admits?: (claims: JWTPayload) => boolean;
}

export type Failure =
  | 'malformed'
  | 'no_kid'
  | 'unknown_key'
  | 'bad_signature'
  | 'issuer_mismatch'
  | 'claim_missing'
  | 'expired'
  | 'audience_mismatch'
  | 'not_admitted'
  | 'keys_unavailable';

export type Verdict = { readonly claims: JWTPayload; readonly failure?: never } | { readonly failure: Failure };

export interface VerifierOptions {
  readonly clock: Clock;
  readonly trust: Trust;
  readonly algorithms?: readonly string[];
  readonly required?: readonly string[];
  /** How long fetched keys are kept, in seconds; vendors notice a rotation this much later. */
  readonly keysFor?: number;
}

export type Verify = (token: string) => Promise<Verdict>;

export function createVerifier({
  clock,
  trust,
  algorithms,
  required = ['sub', 'exp', 'iat'],
  keysFor = 60,
}: VerifierOptions): Verify {
  let keys: { readonly jwks: JSONWebKeySet; readonly until: number } | undefined;

  async function jwks(): Promise<JSONWebKeySet | undefined> {
    if (keys !== undefined && clock.now() < keys.until) return keys.jwks;
    const answer = await fetch(trust.jwksUri).catch(() => undefined);
    if (answer?.status !== 200) return undefined;
    // The test's own issuer: its document has the shape it must have.
    keys = { jwks: (await answer.json()) as JSONWebKeySet, until: clock.now() + keysFor * 1_000 };
    return keys.jwks;
  }

  return async function verify(token) {
    const header = headerOf(token);
    if (header === undefined) return { failure: 'malformed' };
    if (header.kid === undefined) return { failure: 'no_kid' };
    const known = await jwks();
    if (known === undefined) return { failure: 'keys_unavailable' };
    try {
      const { payload } = await jwtVerify(token, createLocalJWKSet(known), {
        currentDate: new Date(clock.now()),
        issuer: trust.issuer,
        audience: trust.audience,
        requiredClaims: [...required],
        algorithms: [...(algorithms ?? ['ES256', 'ES384', 'RS256', 'PS256'])],
        clockTolerance: 30,
      });
      return trust.admits?.(payload) === false ? { failure: 'not_admitted' } : { claims: payload };
    } catch (cause) {
      return { failure: failureOf(cause) };
    }
  };
}

function headerOf(token: string): JWTHeaderParameters | undefined {
  try {
    const header = decodeProtectedHeader(token);
    return header.alg === undefined ? undefined : { ...header, alg: header.alg };
  } catch {
    return undefined;
  }
}

function failureOf(cause: unknown): Failure {
  if (cause instanceof errors.JWKSNoMatchingKey) return 'unknown_key';
  if (cause instanceof errors.JWSSignatureVerificationFailed) return 'bad_signature';
  if (cause instanceof errors.JWTExpired) return 'expired';
  if (cause instanceof errors.JWTClaimValidationFailed) {
    if (cause.reason === 'missing') return 'claim_missing';
    if (cause.claim === 'iss') return 'issuer_mismatch';
    if (cause.claim === 'aud') return 'audience_mismatch';
    return 'expired';
  }
  return 'malformed';
}
