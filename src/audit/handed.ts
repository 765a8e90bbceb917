// The audit log as a worker thread has it: records are made here and handed to the thread that writes the one log, in batches
// and in order. What is not acknowledged counts as waiting; what cannot be handed over is lost, told, and refuses calls where
// records must not fail, as with a disk.
// Must never grow without bound, nor say that something is on disk before the writer has said so.

import type { Clock, Log } from '../base/ports.ts';
import { isoTime } from './iso-time.ts';
import { membersOf } from './json-text.ts';
import { asError, type Trail } from './trail.ts';

/** Characters handed over or waiting for it; stops a writer that has stopped from filling the worker's memory. */
const maxWaiting = 4 * 1_048_576;

/** Characters of one batch after which it is handed over at once. */
const fullBatch = 65_536;

/** How long records gather that nobody waits for, in milliseconds: a message costs 10 us whatever its size. */
const gatherMs = 5;

/** Longest wait for the writer, in milliseconds: longer than it waits for its own disk. */
const maxAnswerMs = 10_000;

export interface AuditBatch {
  readonly number: number;
  /** Event and fields, as JSON text. */
  readonly records: readonly (readonly [event: string, members: string])[];
  /** Whether it is acknowledged only once it is on disk. */
  readonly flush: boolean;
}

export interface AuditAcknowledgement {
  readonly number: number;
  /** Why the batch was not taken whole, or is not on disk. */
  readonly failure: string | undefined;
  /** Why records cannot be written at the moment. */
  readonly obstacle: string | undefined;
}

export interface HandedTrail extends Trail {
  acknowledged(acknowledgement: AuditAcknowledgement): void;
}

interface Sent {
  readonly at: number;
  readonly length: number;
  readonly settle: (failure: Error | undefined) => void;
}

interface Options {
  readonly post: (batch: AuditBatch) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export function createHandedTrail({ post, clock, log }: Options): HandedTrail {
  const sent = new Map<number, Sent>();
  let records: [string, string][] = [];
  let length = 0;
  let waiting = 0;
  let number = 0;
  let told: string | undefined;
  let lost: { count: number; since: string } | undefined;
  let gathering: NodeJS.Timeout | undefined;
  let flushing: PromiseWithResolvers<void> | undefined;

  function put(event: string, members: string): void {
    const more = event.length + members.length;
    if (waiting + more > maxWaiting) throw tooMuch();
    records.push([event, members]);
    length += more;
    waiting += more;
    if (length >= fullBatch) hand();
    else gathering ??= setTimeout(hand, gatherMs);
  }

  function hand(): void {
    clearTimeout(gathering);
    gathering = undefined;
    const { resolve, reject } = flushing ?? {};
    if (records.length === 0 && flushing === undefined) return;
    number += 1;
    const late = flushing && setTimeout(answered, maxAnswerMs, number, 'the thread that writes did not answer').unref();
    sent.set(number, {
      at: clock.now(),
      length,
      settle(failure) {
        clearTimeout(late);
        if (failure === undefined) resolve?.();
        else reject?.(failure);
      },
    });
    const batch = { number, records, flush: flushing !== undefined };
    flushing = undefined;
    records = [];
    length = 0;
    post(batch);
  }

  function answered(of: number, failure: string | undefined): void {
    const batch = sent.get(of);
    sent.delete(of);
    waiting -= batch?.length ?? 0;
    batch?.settle(failure === undefined ? undefined : new Error(failure));
  }

  /** Not before there is room again for more than this: else every lost record would be told by itself. */
  function tellLost(): void {
    if (lost === undefined) return;
    if (waiting > maxWaiting / 2) throw tooMuch();
    put('postern.audit.lost', membersOf({ lost }));
    lost = undefined;
  }

  function overdue(): string | undefined {
    const [oldest] = sent.values();
    const late = oldest !== undefined && clock.now() - oldest.at > maxAnswerMs;
    return late ? 'the thread that writes the audit log does not answer' : undefined;
  }

  function flush(): Promise<void> {
    if (flushing === undefined) {
      flushing = Promise.withResolvers();
      setImmediate(hand);
    }
    return flushing.promise;
  }

  // What an error ends goes out with its last records.
  process.once('exit', hand);

  return {
    append(event, members) {
      try {
        tellLost();
        put(event, members);
        return true;
      } catch (failure) {
        if (lost === undefined) log.error({ err: failure }, 'audit: records are lost');
        lost ??= { count: 0, since: isoTime(clock.now()) };
        lost.count += 1;
        return false;
      }
    },
    flush,
    async close() {
      await flush();
      process.off('exit', hand);
    },
    obstacle() {
      const standing = told ?? overdue();
      if (standing !== undefined) return new Error(standing);
      try {
        tellLost();
        return undefined;
      } catch (stillFull) {
        return asError(stillFull);
      }
    },
    acknowledged({ number: of, failure, obstacle }) {
      told = obstacle;
      answered(of, failure);
    },
    seq: -1,
    get waiting() {
      return waiting;
    },
  };
}

function tooMuch(): RangeError {
  return new RangeError('too many audit records wait for the thread that writes them');
}
