// Finds the subject of a call that carries nothing but a trace: the inbound call that began this trace at this gate. Only for
// routes that say so. The trace id is the proof here, so it must be one nobody but the agent can know while it counts:
// the inbound listener begins a trace of its own for every call. See docs/concepts/agents-that-hold-nothing.md.
// Must never choose between subjects, and never believe a trace that did not begin here.

import { LRUCache } from 'lru-cache';
import { Refusal } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { VerifiedToken } from '../principal.ts';
import { authorityOf, concerns, type Member } from './held.ts';

/** Traces remembered: calls under way and those that ended a moment ago. Beyond it the oldest are no longer known. */
const maxTraces = 10_000;

export interface TraceSubjects {
  /**
   * An inbound call of this trace is handed to the agent.
   * @param graceMs how long after its end the trace still counts, in milliseconds
   * @returns to be called when it has ended
   */
  begin(traceId: string, token: VerifiedToken, graceMs: number): () => void;
  /**
   * The token of the inbound call this trace belongs to: the caller of this verifies it again.
   * @throws Refusal trace_subject_unknown, trace_subject_ambiguous
   */
  find(traceId: string): VerifiedToken;
  /** Forgets every call whose token has this party as subject or actor. @returns how many traces */
  revoke(member: Member): number;
  clear(): void;
}

interface Entry {
  readonly token: VerifiedToken;
  readonly authority: string;
  /** Inbound calls under way. */
  live: number;
  /** Once none is: milliseconds since the epoch from which the trace counts no more. */
  until: number;
  /** Two subjects came under this id: it is nobody's from then on. */
  ambiguous: boolean;
}

export function createTraceSubjects(clock: Clock): TraceSubjects {
  const entries = new LRUCache<string, Entry>({ max: maxTraces });

  function current(traceId: string): Entry | undefined {
    const entry = entries.get(traceId);
    if (entry === undefined || entry.live > 0 || clock.now() < entry.until) return entry;
    entries.delete(traceId);
    return undefined;
  }

  return {
    begin(traceId, token, graceMs) {
      const authority = authorityOf(token);
      const known = current(traceId);
      const entry = known ?? { token, authority, live: 0, until: 0, ambiguous: false };
      entry.ambiguous ||= entry.authority !== authority;
      entry.live += 1;
      entries.set(traceId, entry);
      return () => {
        entry.live -= 1;
        entry.until = Math.max(entry.until, clock.now() + graceMs);
      };
    },
    find(traceId) {
      const entry = current(traceId);
      if (entry === undefined) throw new Refusal('trace_subject_unknown', { detail: 'no inbound call of this trace' });
      if (entry.ambiguous) throw new Refusal('trace_subject_ambiguous');
      return entry.token;
    },
    revoke(member) {
      const ended = [...entries].filter(([, { token }]) => concerns(token, member));
      for (const [traceId] of ended) entries.delete(traceId);
      return ended.length;
    },
    clear: () => entries.clear(),
  };
}
