// Finds the subject of a call that carries nothing but trace context: the inbound call it continues. Only for routes that say so.
// The proof is a nonce handed to the agent in `tracestate`, made for one inbound call. The trace id beside it has to be that
// call's, but proves nothing: every upstream and trace backend sees it. See docs/concepts/agents-that-hold-nothing.md.
// Must never choose between subjects, nor believe a trace id alone, nor take a proof from anywhere but the header.

import { hash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { atMost } from '../base/at-most.ts';
import { Refusal } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import type { RawHeaders } from '../call.ts';
import type { VerifiedToken } from '../principal.ts';
import { concerns, type Member } from './held.ts';

/** Inbound calls remembered: those under way and those that ended a moment ago. Beyond it the oldest are no longer known. */
const maxCalls = 10_000;

/** Bits of a nonce: it cannot be guessed. */
const nonceBytes = 16;
const nonceForm = /^[\w-]{22}$/;

/** Our key in the list of Trace Context section 3.3.1. */
const member = 'postern=';

/** Longest `tracestate` looked at, in characters. The specification asks to propagate 512; nobody may make us scan much. */
const maxTracestate = 2_048;

/** An inbound call, as it is handed to the agent. */
export interface BegunCall {
  /** Value of the `tracestate` header for the agent. Must go nowhere else. */
  readonly tracestate: Secret;
  /** To be called when the call has ended. */
  ended(): void;
}

export interface TraceSubjects {
  /**
   * An inbound call is handed to the agent.
   * @param traceId of the trace it is handed over in
   * @param graceMs how long after its end it still counts, in milliseconds
   */
  begin(traceId: string, token: VerifiedToken, graceMs: number): BegunCall;
  /**
   * The token of the inbound call whose proof and trace these are: the caller of this verifies it again.
   * @throws Refusal trace_subject_unknown, trace_subject_ambiguous
   */
  find(traceId: string, proofs: readonly Secret[]): VerifiedToken;
  /** Forgets every call whose token has this party as subject or actor. @returns how many */
  revoke(member: Member): number;
  /** Forgets every call of whose token `concerned` says so. @returns how many */
  end(concerned: (token: VerifiedToken) => boolean): number;
  clear(): void;
}

interface Entry {
  readonly token: VerifiedToken;
  readonly traceId: string;
  /** Milliseconds since the epoch from which the call counts no more; undefined while it is under way. */
  until: number | undefined;
}

export function createTraceSubjects(clock: Clock): TraceSubjects {
  /** By digest of the nonce: nothing stored here could be presented, and a lookup tells nothing by the time it takes. */
  const entries = new LRUCache<string, Entry>(atMost(maxCalls));

  function current(place: string): Entry | undefined {
    const entry = entries.get(place);
    if (entry?.until === undefined || clock.now() < entry.until) return entry;
    entries.delete(place);
    return undefined;
  }

  function end(concerned: (token: VerifiedToken) => boolean): number {
    const ended = [...entries].filter(([, { token }]) => concerned(token));
    for (const [place] of ended) entries.delete(place);
    return ended.length;
  }

  return {
    begin(traceId, token, graceMs) {
      const nonce = new Secret(randomBytes(nonceBytes).toString('base64url'));
      const entry: Entry = { token, traceId, until: undefined };
      entries.set(placeOf(nonce), entry);
      return {
        tracestate: new Secret(member + nonce.reveal()),
        ended() {
          entry.until ??= clock.now() + graceMs;
        },
      };
    },
    find(traceId, [proof, ...more]) {
      if (proof === undefined) throw new Refusal('trace_subject_unknown', { detail: 'no proof in tracestate' });
      if (more.length > 0) throw new Refusal('trace_subject_ambiguous');
      const entry = current(placeOf(proof));
      if (entry === undefined || entry.traceId !== traceId) {
        throw new Refusal('trace_subject_unknown', { detail: 'no inbound call of this trace and proof' });
      }
      return entry.token;
    },
    revoke: (party) => end((token) => concerns(token, party)),
    end,
    clear: () => entries.clear(),
  };
}

/**
 * The proofs in a call's one `tracestate` header.
 * @returns more than one where it names several calls; none where there is no such header, two, or one too long
 */
export function readProof(rawHeaders: RawHeaders): readonly Secret[] {
  let found: string | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length !== 10 || name.toLowerCase() !== 'tracestate') continue;
    if (found !== undefined) return [];
    found = rawHeaders[at + 1];
  }
  if (found === undefined || found.length > maxTracestate) return [];
  const values = found.split(',').flatMap((item) => {
    const text = item.trim();
    return text.startsWith(member) ? [text.slice(member.length)] : [];
  });
  return values.every((value) => nonceForm.test(value)) ? values.map((value) => new Secret(value)) : [];
}

function placeOf(nonce: Secret): string {
  return hash('sha256', nonce.reveal(), 'base64url');
}
