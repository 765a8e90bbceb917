// One open file, pipe or device that audit lines are appended to.
// Must never block a call: writes are asynchronous, but for the last ones of a process that exits without closing.

import { close, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Log } from '../base/ports.ts';
import { createAppender } from './appender.ts';

/** What waits for nobody reaches the disk so much later, in milliseconds; the last lines of a process are written at its exit. */
const gatherMs = 10;

/** A place for audit lines. */
export interface AuditSink {
  /**
   * Throws when too much waits: the line is not taken then.
   * @param text of a line, without its line end
   * @param end given the bytes of `text`, says what the line ends with, in ASCII
   */
  write(text: string, end: (bytes: Buffer) => string): void;
  /**
   * Nothing is written here before all that `before` took is: a process that is killed in between must not leave a file whose
   * beginning stands in none.
   */
  follow(before: AuditSink): void;
  /** Resolves when nothing waits to be written any more. */
  written(): Promise<void>;
  /** Resolves when all taken so far is on disk, rejects when it is not. */
  flush(): Promise<void>;
  /** Flushes and gives the file back. Rejects, keeping it, when lines would be lost by that: it may be tried again. */
  close(): Promise<void>;
  /** Why lines are not written at the moment. */
  readonly failure: Error | undefined;
  /** A sync failed: nothing more belongs in here. */
  readonly spoiled: boolean;
  /** Characters that wait to be written. */
  readonly waiting: number;
}

/** Puts on disk what was written to the file. */
export type Sync = (fd: number) => Promise<void>;

export interface SinkOptions {
  readonly fd: number;
  /** A new file of our own; else a pipe, a terminal or a device, which is not closed either. */
  readonly file: boolean;
  readonly sync: Sync;
  readonly log: Log;
}

export function createSink({ fd, file, sync, log }: SinkOptions): AuditSink {
  let position = 0;
  let closed = false;
  // At its own position rather than at the end: what is written twice at the exit of a process stands there once.
  const at = () => (file ? position : null);
  let first: Promise<void> | undefined;

  function writeNow(bytes: Buffer, done: (failure: NodeJS.ErrnoException | null, written: number) => void): void {
    write(fd, bytes, 0, bytes.length, at(), (failure, written) => {
      if (failure === null) position += written;
      done(failure, written);
    });
  }

  const appender = createAppender({
    gatherMs,
    write(bytes, done) {
      if (first === undefined) writeNow(bytes, done);
      else void first.then(() => writeNow(bytes, done));
    },
    sync: (done) => {
      sync(fd).then(() => done(null), done);
    },
    log,
  });

  function writeRest(): void {
    try {
      const rest = appender.rest(file);
      if (rest.length > 0) writeSync(fd, rest, 0, rest.length, at());
    } catch (failure) {
      log.error({ err: failure }, 'audit: the last records are lost');
    }
  }
  process.once('exit', writeRest);

  return {
    write: appender.append,
    follow(before) {
      first = before.written().then(() => {
        first = undefined;
      });
    },
    written: appender.written,
    flush: appender.settled,
    async close() {
      await appender.settled();
      if (closed) return;
      closed = true;
      process.off('exit', writeRest);
      if (file) await promisify(close)(fd);
    },
    get failure() {
      return appender.failure;
    },
    get spoiled() {
      return file && appender.spoiled;
    },
    get waiting() {
      return appender.waiting;
    },
  };
}
