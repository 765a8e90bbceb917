// Handles: what the agent behind an inbound listener gets in place of its caller's token. A handle opens nothing but this
// process, names exactly one token and ends with it. Kept by digest only: nothing stored here could be presented.
// Must never name another token than the one it was given for, or its refreshed successor within one MCP session: "the last
// token that came in" is how one user's call gets another user's rights (kagenti-extensions#425).

import { createHmac, hash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { atMost } from '../base/at-most.ts';
import { digest } from '../base/digest.ts';
import { Refusal } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import type { VerifiedToken } from '../principal.ts';
import { authorityOf, concerns, type Member } from './held.ts';

/** Beginning of every handle, so that people and secret scanners know one when they see it. */
const prefix = 'psh_';

/** The prefix and 256 bits in base64url. */
const form = /^psh_[\w-]{43}$/;
const within = /psh_[\w-]{43}/;

/**
 * Handles kept. A caller with more valid tokens than this drops the handles that were unused longest: their agents' calls
 * are then refused, and never taken for somebody else's.
 */
export const maxHandles = 10_000;

export interface HoldOptions {
  /** How long the handle lives after this call, in milliseconds, if its token does not end sooner. */
  readonly ttlMs: number;
  /** The MCP session the token came with; a refreshed token that says the same keeps the session's handle. */
  readonly session?: string | undefined;
}

export interface HeldToken {
  readonly handle: Secret;
  /** Milliseconds since the epoch. */
  readonly endsAt: number;
}

export interface Handles {
  /** The handle of a token: the same one each time while it lives, so that an agent may keep the SDK client it made. */
  hold(token: VerifiedToken, options: HoldOptions): HeldToken;
  /**
   * The token a handle stands for, as it was verified when it came in: the caller of this verifies it again.
   * @throws Refusal handle_unknown, handle_expired
   */
  redeem(handle: Secret): VerifiedToken;
  /** Ends every handle whose token has this party as subject or actor. @returns how many */
  revoke(member: Member): number;
  /** Ends every handle of whose token `concerned` says so. @returns how many */
  end(concerned: (token: VerifiedToken) => boolean): number;
  size(): number;
  clear(): void;
}

interface Entry {
  readonly serial: number;
  /** Given up when the handle has ended; what is left tells "expired" from "never existed". */
  token: VerifiedToken | undefined;
  endsAt: number;
}

/** Whether a presented value was meant as a handle: then it is never taken for a placeholder, however broken. */
export function looksLikeHandle(text: string): boolean {
  return text.slice(0, prefix.length).toLowerCase() === prefix;
}

/** Whether a text that would be passed on has a handle in it, under whatever name: it is taken out like any credential. */
export function holdsHandle(text: string): boolean {
  return text.includes(prefix) && within.test(text);
}

export function createHandles(clock: Clock): Handles {
  /** Ends with the process, and every handle with it. */
  const key = randomBytes(32);
  const entries = new LRUCache<string, Entry>(atMost(maxHandles));
  /** Where the entry of a token or session is, by digest. */
  const places = new LRUCache<string, string>(atMost(2 * maxHandles));
  let serials = 0;

  /** A keyed digest of a number never used twice: unguessable like a random one, and not needed to be stored. */
  function handleOf(serial: number): Secret {
    return new Secret(prefix + createHmac('sha256', key).update(String(serial)).digest('base64url'));
  }

  function live(entry: Entry | undefined): Entry | undefined {
    if (entry === undefined || clock.now() < entry.endsAt) return entry;
    entry.token = undefined;
    return undefined;
  }

  function open(token: VerifiedToken): [string, Entry] {
    serials += 1;
    const entry = { serial: serials, token, endsAt: 0 };
    const place = digestOf(handleOf(entry.serial));
    entries.set(place, entry);
    return [place, entry];
  }

  function find(name: string | undefined): [string, Entry] | undefined {
    const place = name === undefined ? undefined : places.get(name);
    const entry = place === undefined ? undefined : live(entries.get(place));
    return place === undefined || entry?.token === undefined ? undefined : [place, entry];
  }

  function end(concerned: (token: VerifiedToken) => boolean): number {
    const ended = [...entries].filter(([, { token }]) => token !== undefined && concerned(token));
    for (const [place] of ended) entries.delete(place);
    return ended.length;
  }

  return {
    hold(token, { ttlMs, session }) {
      const byToken = digest(['token', digestOf(token.token)]);
      const bySession = session === undefined ? undefined : digest(['session', session, authorityOf(token)]);
      const [place, entry] = find(bySession) ?? find(byToken) ?? open(token);
      if (entry.token === undefined || entry.token.expiresAt < token.expiresAt) entry.token = token;
      const { expiresAt } = entry.token ?? token;
      entry.endsAt = Math.min(expiresAt * 1_000, clock.now() + ttlMs);
      places.set(byToken, place);
      if (bySession !== undefined) places.set(bySession, place);
      return { handle: handleOf(entry.serial), endsAt: entry.endsAt };
    },
    redeem(handle) {
      const entry = form.test(handle.reveal()) ? entries.get(digestOf(handle)) : undefined;
      if (entry === undefined) throw new Refusal('handle_unknown');
      const token = live(entry)?.token;
      if (token === undefined) throw new Refusal('handle_expired');
      return token;
    },
    revoke: (member) => end((token) => concerns(token, member)),
    end,
    size: () => entries.size,
    clear() {
      entries.clear();
      places.clear();
    },
  };
}

/** The whole digest: a shortened one could be met by chance, and name another's token. */
function digestOf(secret: Secret): string {
  return hash('sha256', secret.reveal(), 'base64url');
}
