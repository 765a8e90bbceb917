// Remembers what verification found, so that a token used again costs a digest and a look-up instead of a signature check.
// Keyed by digest, never by the token. It must never outlive the token or keep a withdrawn key's tokens alive for long.

import { LRUCache } from 'lru-cache';
import { Refusal } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { VerifiedToken } from '../principal.ts';

/** Most tokens remembered, and the most characters of token kept with them. */
const maxTokens = 10_000;
const maxCharacters = 33_554_432;

/** Longest time a token is believed without looking at its issuer's keys again, in milliseconds. */
const maxRememberedMs = 600_000;

/** Most refused tokens remembered, and for how long: stops one bad token in a retry loop from costing a check each time. */
const maxRefusals = 1_000;
const refusalMs = 10_000;

/** Verdicts that time, a new key or a mended fault can change; the next call must ask again. */
const changeable: ReadonlySet<string> = new Set([
  'token_key_unknown',
  'keys_unavailable',
  'token_not_yet_valid',
  'internal_fault',
]);

export interface TokenMemory {
  /** @throws Refusal as remembered */
  recall(digest: string): VerifiedToken | undefined;
  /** @param until milliseconds since the epoch at which it stops being valid */
  keep(digest: string, token: VerifiedToken, until: number): void;
  keepRefusal(digest: string, refusal: Refusal): void;
}

export function createTokenMemory(clock: Clock): TokenMemory {
  const tokens = new LRUCache<string, { readonly token: VerifiedToken; readonly until: number }>({
    max: maxTokens,
    maxSize: maxCharacters,
    sizeCalculation: ({ token }) => token.token.length,
  });
  const refusals = new LRUCache<string, { readonly refusal: Refusal; readonly until: number }>({ max: maxRefusals });

  return {
    recall(digest) {
      const now = clock.now();
      const known = tokens.get(digest);
      if (known !== undefined) {
        if (now < known.until) return known.token;
        tokens.delete(digest);
        return undefined;
      }
      const refused = refusals.get(digest);
      if (refused === undefined || now >= refused.until) return undefined;
      throw new Refusal(refused.refusal.reason, { detail: refused.refusal.detail ?? 'refused before' });
    },
    keep(digest, token, until) {
      const now = clock.now();
      const end = Math.min(until, now + maxRememberedMs);
      if (end > now) tokens.set(digest, { token, until: end });
    },
    keepRefusal(digest, refusal) {
      if (!changeable.has(refusal.reason)) refusals.set(digest, { refusal, until: clock.now() + refusalMs });
    },
  };
}
