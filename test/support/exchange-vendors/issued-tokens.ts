// Tokens a vendor emulator gave, so that an upstream of the same vendor can tell whose they are and until when.

import type { JWTPayload } from 'jose';
import type { Clock } from '../../../src/base/ports.ts';

export interface IssuedToken {
  /** Claims of the JWT it was given for. */
  readonly claims: JWTPayload;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
}

export interface IssuedTokens {
  issue(prefix: string, claims: JWTPayload, lifetime: number): string;
  /** The token of an `Authorization: Bearer` header; undefined when it is not one of these, or has ended. */
  of(authorization: string | undefined): IssuedToken | undefined;
  count(): number;
}

export function createIssuedTokens(clock: Clock): IssuedTokens {
  const known = new Map<string, IssuedToken>();
  return {
    issue(prefix, claims, lifetime) {
      const token = `${prefix}${String(known.size + 1).padStart(6, '0')}`;
      known.set(token, { claims, expiresAt: Math.floor(clock.now() / 1_000) + lifetime });
      return token;
    },
    of(authorization) {
      const token = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1];
      const issued = known.get(token ?? '');
      return issued !== undefined && issued.expiresAt * 1_000 > clock.now() ? issued : undefined;
    },
    count: () => known.size,
  };
}
