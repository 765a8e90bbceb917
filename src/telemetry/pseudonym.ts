// Pseudonyms of users: HMAC-SHA256 over (iss, sub), so that calls of one user can be joined and nobody can be guessed
// from a plain hash of an e-mail address. Workloads keep their names: those are what an operator searches for.
// Must never let a user's own identifier out where the setting says pseudonymous or omit.

import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { atMost } from '../base/at-most.ts';
import type { Secret } from '../base/secret.ts';
import type { Principal } from '../principal.ts';
import type { SubjectForm } from './schema.ts';

/** Bytes of the HMAC kept: 128 bits join records without collisions. */
const keptBytes = 16;

/** Pseudonyms remembered, since each call needs its own once or twice. */
const remembered = 16_384;

/** Longest identifier taken from a token, in characters; stops a token from filling every span with its `sub`. */
export const maxIdentifier = 256;

/** `u_` and 22 characters; the same for the same user and key. */
export type Pseudonym = (principal: Principal) => string;

/** @param key undefined makes a random one: pseudonyms then hold for the life of this process only */
export function createPseudonym(key: Secret | undefined): Pseudonym {
  const secret = key?.reveal() ?? randomBytes(32);
  const known = new LRUCache<string, string>(atMost(remembered));
  return ({ iss, sub }) => {
    const identity = `${iss.length}:${iss};${sub}`;
    const before = known.get(identity);
    if (before !== undefined) return before;
    const mac = createHmac('sha256', secret).update(identity).digest().subarray(0, keptBytes).toString('base64url');
    const pseudonym = `u_${mac}`;
    known.set(identity, pseudonym);
    return pseudonym;
  };
}

/** What a principal is called on spans: a workload by its name, a user by the configured form; undefined to leave it out. */
export type NamePrincipal = (principal: Principal) => string | undefined;

export function createNaming(form: SubjectForm, pseudonym: Pseudonym): NamePrincipal {
  return (principal) => {
    if (principal.kind === 'workload') return encodeIdentifier(principal.sub);
    if (form === 'omit') return undefined;
    return form === 'raw' ? `user:${encodeIdentifier(principal.sub)}` : `user:${pseudonym(principal)}`;
  };
}

/** Everything but printable ASCII, and the two characters the chain gives a meaning. */
const toEncode = /[^\x21-\x7e]|[%>]/gu;

/**
 * An identifier fit for a chain: bounded, and percent-encoded where it could be taken for a separator (`>`), for another
 * encoded identifier (`%`), or is not printable ASCII. A token's `sub` is text its issuer, and often its user, chose.
 */
export function encodeIdentifier(text: string): string {
  return text.slice(0, maxIdentifier).toWellFormed().replace(toEncode, encodeCharacter);
}

function encodeCharacter(character: string): string {
  let encoded = '';
  for (const byte of Buffer.from(character)) encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return encoded;
}
