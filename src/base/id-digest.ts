// Token ids as records, spans and the list of revocations show them: a digest, so that an id that was never meant to be seen
// is not, and two places that show the same token can still be joined.

import { hash } from 'node:crypto';

const length = 16;

/** @param jti id of a token. @returns the first 16 hex digits of its SHA-256 */
export function idDigest(jti: string): string {
  return hash('sha256', jti, 'hex').slice(0, length);
}

/** Whether text looks like what {@link idDigest} returns. */
export function isIdDigest(text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text);
}
