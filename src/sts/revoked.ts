// Which of this issuer's tokens are revoked (RFC 7009), by jti, until they would have expired anyway.
// Must never forget a revocation of a live token: when full of live ones it refuses to add, and the caller says so.

import type { Clock } from '../base/ports.ts';

/** Most revocations kept. Stops a client that asks for and revokes tokens in a loop from filling memory. */
const maxRevoked = 100_000;

export interface RevokedTokens {
  has(jti: string): boolean;
  /** @param exp seconds since the epoch. @returns false when there is no room for another. */
  add(jti: string, exp: number): boolean;
}

export function createRevokedTokens(clock: Clock): RevokedTokens {
  const expiryByJti = new Map<string, number>();

  const dropExpired = () => {
    const now = clock.now() / 1_000;
    for (const [jti, exp] of expiryByJti) if (exp <= now) expiryByJti.delete(jti);
  };

  return {
    has: (jti) => expiryByJti.has(jti),
    add(jti, exp) {
      if (expiryByJti.size >= maxRevoked) dropExpired();
      if (expiryByJti.size >= maxRevoked) return false;
      expiryByJti.set(jti, exp);
      return true;
    },
  };
}
