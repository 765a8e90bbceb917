// Remembers which span obtained which token, so that a token coming back with a later hop can be joined to the exchange
// that issued it although the agent in between propagated no trace context.
// Keeps digests of token ids and span ids only; a hit joins records and must never decide anything about a call.

import { LRUCache } from 'lru-cache';
import { atMost } from '../base/at-most.ts';
import type { Clock } from '../base/ports.ts';
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
  const hashes = new WeakMap<VerifiedToken, string>();

  function idHash(token: VerifiedToken): string | undefined {
    if (token.jti === undefined) return undefined;
    const known = hashes.get(token);
    if (known !== undefined) return known;
    const hashed = hashTokenId(token.jti);
    hashes.set(token, hashed);
    return hashed;
  }

  function live(token: VerifiedToken | undefined): IssuedTrace | undefined {
    const id = token && idHash(token);
    const found = id === undefined ? undefined : tokens.get(id);
    return found !== undefined && found.expiresAt * 1_000 > clock.now() ? found : undefined;
  }

  return {
    issued({ idHash: id, expiresAt }, span, rootId) {
      if (id === undefined || expiresAt === undefined) return;
      tokens.set(id, { span, rootId, expiresAt });
      tell?.({ idHash: id, span, rootId, expiresAt });
    },
    learn: ({ idHash: id, ...token }) => void tokens.set(id, token),
    find: (call) => live(call.subjectToken) ?? live(call.actorToken),
    idHash,
  };
}
