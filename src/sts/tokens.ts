// Makes and reads this issuer's own tokens. Everything it ever signs is signed here, and everything it is handed back
// (subject, actor, introspection, revocation) is verified here: signature, issuer, type, lifetime, not revoked.
// Must never accept another issuer's token, and never say which of the checks failed to anyone but the caller in process.

import { randomUUID } from 'node:crypto';
import { type JWTPayload, jwtVerify, SignJWT } from 'jose';
import type { Clock } from '../base/ports.ts';
import type { JsonObject } from '../principal.ts';
import type { RevokedTokens } from './revoked.ts';
import type { SigningKey } from './signing-key.ts';

/** RFC 9068 section 2.1. */
export const accessTokenType = 'at+jwt';

/** `sub_profile` of workload tokens (draft-mora-oauth-entity-profiles): tells them from users' tokens of the same issuer. */
export const workloadProfile = 'ai_agent';

/** Longest token read, in characters: bounds the work one parameter can cause before its signature is checked. */
const maxTokenLength = 16_384;

/** Types of the tokens this issuer may be handed back: access tokens, and the plain JWTs minted for users. */
const readableTypes = new Set(['at+jwt', 'application/at+jwt', 'jwt', undefined]);

/** A verified token of this issuer, as far as the grants must know it. */
export interface OwnToken {
  readonly sub: string;
  readonly iss: string;
  readonly audiences: readonly string[];
  readonly clientId: string | undefined;
  /** undefined when the token carries no scope claim, which differs from an empty one. */
  readonly scopes: readonly string[] | undefined;
  readonly jti: string;
  /** Seconds since the epoch. */
  readonly exp: number;
  /** `act` exactly as it stands in the token (RFC 8693 section 4.1). */
  readonly act: unknown;
  readonly mayAct: unknown;
  readonly txn: string | undefined;
  readonly subProfile: string | undefined;
  readonly claims: JWTPayload;
}

export interface Tokens {
  /** Seconds since the epoch. */
  now(): number;
  /** Signs claims; `iss`, `iat` and `jti` are added where absent. */
  sign(claims: JsonObject, typ?: string): Promise<string>;
  /** @returns undefined for anything that is not a live, unrevoked token of this issuer. */
  read(token: string): Promise<OwnToken | undefined>;
}

export interface TokensOptions {
  readonly issuer: string;
  readonly key: SigningKey;
  readonly clock: Clock;
  readonly revoked: RevokedTokens;
}

export function createTokens({ issuer, key, clock, revoked }: TokensOptions): Tokens {
  const now = () => Math.floor(clock.now() / 1_000);

  return {
    now,

    async sign(claims, typ = accessTokenType) {
      const complete = { iss: issuer, iat: now(), jti: randomUUID(), ...claims };
      return new SignJWT(complete).setProtectedHeader({ alg: key.alg, kid: key.kid, typ }).sign(key.privateKey);
    },

    async read(token) {
      if (token.length > maxTokenLength) return undefined;
      const verified = await jwtVerify(token, key.publicKey, {
        algorithms: [key.alg],
        issuer,
        requiredClaims: ['sub', 'exp', 'jti'],
        currentDate: new Date(clock.now()),
      }).catch(() => undefined);
      if (verified === undefined || !readableTypes.has(verified.protectedHeader.typ?.toLowerCase())) return undefined;
      const read = fromClaims(verified.payload, issuer);
      return read === undefined || revoked.has(read.jti) ? undefined : read;
    },
  };
}

function fromClaims(claims: JWTPayload, iss: string): OwnToken | undefined {
  const { sub, exp, jti, aud } = claims;
  if (typeof sub !== 'string' || typeof exp !== 'number' || typeof jti !== 'string') return undefined;
  const scope = text(claims['scope']);
  return {
    sub,
    iss,
    audiences: typeof aud === 'string' ? [aud] : (aud ?? []),
    clientId: text(claims['client_id']),
    scopes: scope?.split(' ').filter((value) => value !== ''),
    jti,
    exp,
    act: claims['act'],
    mayAct: claims['may_act'],
    txn: text(claims['txn']),
    subProfile: text(claims['sub_profile']),
    claims,
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
