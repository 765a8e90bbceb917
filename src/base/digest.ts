// Digests over several fields at once. Each field is preceded by its length, so that ("ab", "c") and ("a", "bc") can
// never share a key (the class of fastify/reply-from GHSA-v574), and absent differs from empty.

import { hash } from 'node:crypto';

export type DigestField = string | undefined | readonly string[];

/**
 * SHA-256 (base64url) over length-prefixed fields.
 * @param fields in a fixed order chosen by the caller; `undefined` (absent) and `''` (empty) digest differently, and a
 * list differs from its joined text.
 */
export function digest(fields: readonly DigestField[]): string {
  let text = '';
  for (const field of fields) {
    if (field === undefined) text += '-;';
    else if (typeof field === 'string') text += `${field.length}:${field};`;
    else {
      text += `[${field.length}:`;
      for (const item of field) text += `${item.length}:${item};`;
      text += '];';
    }
  }
  return hash('sha256', text, 'base64url');
}
