// Ids of tokens and sessions as records, spans and the list of revocations show them: a digest, so that an id that was never
// meant to be seen is not, and two places that show the same one can still be joined.

import { hash } from 'node:crypto';

const length = 16;

/** @returns the first 16 hex digits of its SHA-256 */
export function idDigest(id: string): string {
  return hash('sha256', id, 'hex').slice(0, length);
}

/** Whether text looks like what {@link idDigest} returns. */
export function isIdDigest(text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text);
}
