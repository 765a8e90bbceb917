// Writes audit records one batch at a time, in order: all that came while a write was under way goes out with the next.
// What could not be written is kept and tried again with the next record, so that no line is torn and none is skipped.
// Must never grow without bound, and must never be silent about a failure.

import type { Log } from '../base/ports.ts';

/** Characters waiting for the disk or the pipe; stops a full one from filling memory. A record beyond it is refused. */
const maxWaiting = 16 * 1_048_576;

/** Time before a pipe that is full is tried again, in milliseconds. */
const retryAfter = 20;

export interface AppenderOptions {
  /** Appends bytes, perhaps not all, and says how many; as `fs.write`. */
  readonly write: (bytes: Buffer, done: (failure: NodeJS.ErrnoException | null, written: number) => void) => void;
  readonly log: Log;
}

export interface Appender {
  /** Throws when too much waits already: the line is not taken then. */
  append(line: string): void;
  /** Resolves when nothing waits any more, rejects with the failure of a write. */
  drained(): Promise<void>;
  /** What no write has begun to take. */
  rest(): Buffer;
}

export function createAppender({ write, log }: AppenderOptions): Appender {
  let waiting: string[] = [];
  let length = 0;
  /** Taken from `waiting`, and not yet or not wholly written. */
  let current = Buffer.alloc(0);
  let currentLength = 0;
  let writing = false;
  let failing = false;
  let watchers: ((failure: Error | undefined) => void)[] = [];

  function pump(): void {
    if (writing) return;
    if (current.length === 0) takeWaiting();
    if (current.length === 0) {
      settle(undefined);
      return;
    }
    writing = true;
    write(current, wrote);
  }

  function takeWaiting(): void {
    length -= currentLength;
    currentLength = length;
    current = Buffer.from(waiting.join(''));
    waiting = [];
  }

  function wrote(failure: NodeJS.ErrnoException | null, written: number): void {
    if (failure?.code === 'EAGAIN') {
      setTimeout(() => write(current, wrote), retryAfter);
      return;
    }
    writing = false;
    if (failure !== null) {
      if (!failing) log.error({ err: failure }, 'audit: records are not written');
      failing = true;
      settle(failure);
      return;
    }
    if (failing) log.info({}, 'audit: records are written again');
    failing = false;
    current = current.subarray(written);
    pump();
  }

  function settle(failure: Error | undefined): void {
    const told = watchers;
    watchers = [];
    for (const watcher of told) watcher(failure);
  }

  return {
    append(line) {
      if (length + line.length >= maxWaiting) throw new RangeError('too many audit records wait to be written');
      waiting.push(line, '\n');
      length += line.length + 1;
      pump();
    },
    drained: () =>
      new Promise<void>((resolve, reject) => {
        watchers.push((failure) => (failure === undefined ? resolve() : reject(failure)));
        pump();
      }),
    rest: () => Buffer.concat([writing ? Buffer.alloc(0) : current, Buffer.from(waiting.join(''))]),
  };
}
