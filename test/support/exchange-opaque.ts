// Opaque tokens of the test issuer and what its introspection endpoint says of them (RFC 7662). Revocable.

import type { JWTPayload } from 'jose';
import type { Clock } from '../../src/base/ports.ts';

export interface OpaqueTokens {
  issue(claims: JWTPayload): string;
  revoke(token: string): void;
  /** The members of the answer, `active` included. */
  introspect(token: string): Record<string, unknown>;
}

export function createOpaqueTokens(clock: Clock): OpaqueTokens {
  const known = new Map<string, JWTPayload>();
  return {
    issue(claims) {
      const token = `opaque-${known.size + 1}-of-${claims.sub ?? 'nobody'}`;
      known.set(token, claims);
      return token;
    },
    revoke: (token) => void known.delete(token),
    introspect(token) {
      const claims = known.get(token);
      // Section 2.2: of a token that is not active nothing else is told.
      if (claims === undefined || (claims.exp ?? 0) * 1000 <= clock.now()) return { active: false };
      return { active: true, ...claims };
    },
  };
}
