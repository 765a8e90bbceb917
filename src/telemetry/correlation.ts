// Remembers which span obtained which token, so that a token coming back with a later hop can be joined to the exchange
// that issued it although the agent in between propagated no trace context.
// Keeps digests of token ids and span ids only; a hit joins records and must never decide anything about a call.

import { LRUCache } from 'lru-cache';
import { atMost } from '../base/at-most.ts';
import type { Clock } from '../base/ports.ts';
import { createRemembered } from '../base/remembered.ts';
import type { KnownCall } from '../call.ts';
import type { CredentialFacts, SpanReference } from '../credential.ts';
import type { VerifiedToken } from '../principal.ts';

/** Tokens remembered; the oldest are forgotten first. */
const maxTokens = 16_384;

export interface IssuedTrace {
  readonly span: SpanReference;
  /** Root of the delegation the token was issued in. */
  readonly rootId: string;
}

/** A token that was issued, as one ledger tells it to another. */
export interface IssuedToken extends IssuedTrace {
  readonly idHash: string;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
}

export interface Ledger {
  /** The exchange in `span` issued the token `facts` tells of. */
  issued(facts: CredentialFacts, span: SpanReference, rootId: string): void;
  /** The same, of an exchange in another thread. */
  learn(token: IssuedToken): void;
  /** The exchange that issued a token this call presents. */
  find(call: KnownCall): IssuedTrace | undefined;
  /** Digest of the token's id, in the form of {@link CredentialFacts.idHash}; undefined where it has none. */
  idHash(token: VerifiedToken): string | undefined;
}

/** What is known of a token that was presented. */
interface Presented {
  readonly idHash: string;
  /** So much had been issued when it was last looked for and not found. */
  absentAt: number | undefined;
}

export interface LedgerOptions {
  readonly clock: Clock;
  /** The digest the exchange puts in {@link CredentialFacts.idHash}. */
  readonly hashTokenId: (jti: string) => string;
  /** Is told what is issued here. */
  readonly tell?: ((token: IssuedToken) => void) | undefined;
}

export function createLedger({ clock, hashTokenId, tell }: LedgerOptions): Ledger {
  const tokens = new LRUCache<string, IssuedTrace & { readonly expiresAt: number }>(atMost(maxTokens));

  /** Verified tokens are kept and reused by identity, so most are hashed once. */
  const presented = createRemembered<VerifiedToken, Presented>('presented');

  /** Counts what was issued. */
  let news = 0;

  function of(token: VerifiedToken): Presented | undefined {
    if (token.jti === undefined) return undefined;
    const known = presented.get(token);
    if (known !== undefined) return known;
    const made: Presented = { idHash: hashTokenId(token.jti), absentAt: undefined };
    presented.set(token, made);
    return made;
  }

  function live(token: VerifiedToken | undefined): IssuedTrace | undefined {
    const told = token && of(token);
    // Most tokens were issued elsewhere, and nothing new is issued while credentials are found in the cache.
    if (told === undefined || told.absentAt === news) return undefined;
    const found = tokens.get(told.idHash);
    if (found === undefined) told.absentAt = news;
    return found !== undefined && found.expiresAt * 1_000 > clock.now() ? found : undefined;
  }

  return {
    issued({ idHash: id, expiresAt }, span, rootId) {
      if (id === undefined || expiresAt === undefined) return;
      tokens.set(id, { span, rootId, expiresAt });
      news += 1;
      tell?.({ idHash: id, span, rootId, expiresAt });
    },
    learn({ idHash: id, ...token }) {
      tokens.set(id, token);
      news += 1;
    },
    find: (call) => live(call.subjectToken) ?? live(call.actorToken),
    idHash: (token) => of(token)?.idHash,
  };
}
