// Remembers what verification found, so that a token used again costs a look-up instead of a signature check.
// A verified token is found by the end of its text and then compared whole; a refused one is kept by digest only.
// It must never outlive the token or keep a withdrawn key's tokens alive for long.

import { LRUCache } from 'lru-cache';
import { atMost } from '../base/at-most.ts';
import { Refusal } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import { createRecent, type Marked } from '../base/recent.ts';
import type { VerifiedToken } from '../principal.ts';

/** Most tokens remembered, and the most characters of token kept with them: 10,000 users and their agents. */
const maxTokens = 16_384;
const maxCharacters = 33_554_432;

/**
 * Characters a token is looked up by: the end of its signature, 256 bits of it. Two tokens that share it differ in what is
 * signed, so the whole text is compared. Hashing all of a token took 1.2 us of each call, for each of its two tokens.
 */
const tailLength = 43;

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
  /** @param text the token */
  recall(text: string): VerifiedToken | undefined;
  /** @throws Refusal as remembered */
  recallRefusal(digest: string): void;
  /** @param until milliseconds since the epoch at which it stops being valid */
  keep(text: string, token: VerifiedToken, until: number): void;
  keepRefusal(digest: string, refusal: Refusal): void;
}

interface Known extends Marked {
  readonly text: string;
  readonly token: VerifiedToken;
  readonly until: number;
}

export function createTokenMemory(clock: Clock): TokenMemory {
  const tokens = createRecent<Known>({
    // No token counts less than its share, so there are never more than `maxTokens`.
    most: maxCharacters,
    weigh: ({ text }) => Math.max(text.length, maxCharacters / maxTokens),
  });
  const refusals = new LRUCache<string, { readonly refusal: Refusal; readonly until: number }>(atMost(maxRefusals));

  return {
    recall(text) {
      const tail = text.slice(-tailLength);
      const known = tokens.get(tail);
      if (known === undefined || known.text !== text) return undefined;
      if (clock.now() < known.until) return known.token;
      tokens.delete(tail);
      return undefined;
    },
    recallRefusal(digest) {
      const refused = refusals.get(digest);
      if (refused === undefined || clock.now() >= refused.until) return;
      throw new Refusal(refused.refusal.reason, { detail: refused.refusal.detail ?? 'refused before' });
    },
    keep(text, token, until) {
      const now = clock.now();
      const end = Math.min(until, now + maxRememberedMs);
      if (end > now) tokens.set(text.slice(-tailLength), { text, token, until: end, used: false });
    },
    keepRefusal(digest, refusal) {
      if (!changeable.has(refusal.reason)) refusals.set(digest, { refusal, until: clock.now() + refusalMs });
    },
  };
}
