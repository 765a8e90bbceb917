// The id that joins every hop of one delegation, across traces and gates, where no `txn` claim carries one yet.
// Derived from the token the delegation began with, so that gate and embedded issuer arrive at the same id without asking
// each other, and every call made with that token shares it. Shows nothing of the token: a digest of issuer and token id.

import { digest } from './digest.ts';

const length = 22;

/** @param iss issuer, @param jti token id of the first subject token. @returns 22 characters of base64url. */
export function delegationRoot(iss: string, jti: string): string {
  return digest(['delegation-root', iss, jti]).slice(0, length);
}
