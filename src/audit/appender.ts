// Writes audit lines one batch at a time, in order: all that came while a write was under way goes out with the next, and one
// sync answers everyone who waits for the disk (group commit). What could not be written is kept and tried again, with the
// next line and every second, so that no line is torn and none is skipped.
// Must never grow without bound, and must never be silent about a failure.

import type { Log } from '../base/ports.ts';
import { createBatch } from './batch.ts';

/** Characters waiting for the disk or the pipe; stops a full one from filling memory. A record beyond it is refused. */
const maxWaiting = 16 * 1_048_576;

/** Time before a pipe that is full is tried again, in milliseconds. */
const pipeRetryMs = 20;

/** Time before a failed write is tried again without a new record, in milliseconds. */
const writeRetryMs = 1_000;

/** Longest wait for the disk, in milliseconds: one that answers nothing must not hold calls for ever. */
const maxSyncMs = 5_000;

type Failure = NodeJS.ErrnoException | null;

export interface AppenderOptions {
  /** Appends bytes, perhaps not all, and says how many; as `fs.write`. */
  readonly write: (bytes: Buffer, done: (failure: Failure, written: number) => void) => void;
  /** Puts on disk what was written; as `fs.fdatasync`. */
  readonly sync: (done: (failure: Failure) => void) => void;
  readonly log: Log;
  /**
   * How long lines gather before they are written unless somebody waits for the disk, in milliseconds; at once when absent.
   * Handing a write to the system's threads costs 5 us whatever its size, and a busy gate made one for every call.
   */
  readonly gatherMs?: number;
}

export interface Appender {
  /** As {@link Batch.add}. Throws when too much waits already: the line is not taken then. */
  append(text: string, end: (bytes: Buffer) => string): void;
  /** Resolves when all taken so far is on disk, rejects with the failure of a write or a sync. */
  settled(): Promise<void>;
  /** Resolves when nothing waits to be written any more, however long that takes. */
  written(): Promise<void>;
  /** What is not written yet; `begun`: with what a write is taking at this moment. */
  rest(begun: boolean): Buffer;
  /** Characters that wait. */
  readonly waiting: number;
  /** The failure that stands in the way now. */
  readonly failure: Error | undefined;
  /** A sync failed: what the system still held may be gone though later syncs succeed, so no more belongs in this file. */
  readonly spoiled: boolean;
}

interface Watcher {
  readonly upTo: number;
  readonly done: (failure: Error | undefined) => void;
}

export function createAppender({ write, sync, log, gatherMs = 0 }: AppenderOptions): Appender {
  const waiting = createBatch();
  let length = 0;
  /** Taken from `waiting`, and not yet or not wholly written. */
  let current: Buffer = Buffer.alloc(0);
  let currentLength = 0;
  /** Lines taken, lines that `current` ends with, and lines on disk, counted from the start. */
  let taken = 0;
  let cut = 0;
  let synced = 0;
  let busy = false;
  let spoiled = false;
  let failure: Error | undefined;
  let watchers: Watcher[] = [];
  const drains: (() => void)[] = [];
  let retry: NodeJS.Timeout | undefined;
  let gathering = false;
  let stall: NodeJS.Timeout | undefined;

  /** Writes now where somebody waits for it, else when lines have gathered. */
  function pumpSoon(): void {
    if (gatherMs === 0 || current.length > 0 || watchers.length > 0 || drains.length > 0) {
      pump();
      return;
    }
    if (gathering || waiting.length === 0) return;
    gathering = true;
    setTimeout(() => {
      gathering = false;
      pump();
    }, gatherMs).unref();
  }

  function pump(): void {
    if (busy) return;
    const written = current.length === 0;
    if (written && (watchers[0]?.upTo ?? Number.POSITIVE_INFINITY) <= cut) syncNow();
    else if (!written || waiting.length > 0) writeNow();
    else for (const drained of drains.splice(0)) drained();
  }

  function writeNow(): void {
    if (current.length === 0) {
      length -= currentLength;
      currentLength = length;
      current = waiting.take();
      cut = taken;
    }
    busy = true;
    write(current, wrote);
  }

  function wrote(failed: Failure, written: number): void {
    if (failed?.code === 'EAGAIN') {
      setTimeout(() => write(current, wrote), pipeRetryMs);
      return;
    }
    busy = false;
    if (failed !== null) {
      fail(failed);
      return;
    }
    current = current.subarray(written);
    heal();
    pumpSoon();
  }

  function syncNow(): void {
    busy = true;
    const upTo = cut;
    sync((failed) => {
      busy = false;
      if (failed !== null) {
        spoiled = true;
        fail(failed);
        return;
      }
      synced = upTo;
      heal();
      settle((watcher) => watcher.upTo <= synced, undefined);
      pump();
    });
  }

  function heal(): void {
    if (failure === undefined || spoiled) return;
    failure = undefined;
    log.info({}, 'audit: records are written again');
  }

  function fail(reason: Error): void {
    if (failure === undefined) log.error({ err: reason }, 'audit: records are not written');
    failure = reason;
    settle(() => true, reason);
    clearTimeout(retry);
    retry = setTimeout(pump, writeRetryMs).unref();
  }

  function settle(which: (watcher: Watcher) => boolean, reason: Error | undefined): void {
    const told = watchers.filter(which);
    watchers = watchers.filter((watcher) => !which(watcher));
    clearTimeout(stall);
    stall = undefined;
    if (watchers.length > 0) expectAnswer();
    for (const watcher of told) watcher.done(reason);
  }

  function expectAnswer(): void {
    stall ??= setTimeout(() => fail(new Error('the disk did not answer in time')), maxSyncMs).unref();
  }

  return {
    append(text, end) {
      if (length + text.length >= maxWaiting) {
        pump();
        throw new RangeError('too many audit records wait to be written');
      }
      waiting.add(text, end);
      length += text.length + 1;
      taken += 1;
      pumpSoon();
    },
    settled: () =>
      new Promise<void>((resolve, reject) => {
        if (taken === synced && failure === undefined) return resolve();
        watchers.push({ upTo: taken, done: (reason) => (reason === undefined ? resolve() : reject(reason)) });
        expectAnswer();
        pump();
      }),
    written: () =>
      new Promise<void>((resolve) => {
        drains.push(resolve);
        pump();
      }),
    rest: (begun) => Buffer.concat([busy && !begun ? Buffer.alloc(0) : current, waiting.copy()]),
    get waiting() {
      return length;
    },
    get failure() {
      return failure;
    },
    get spoiled() {
      return spoiled;
    },
  };
}
