// An audit log in memory: takes lines, remembers them, and can be told to fail.

import type { Segments } from '../../src/audit/segments.ts';
import type { AuditSink } from '../../src/audit/sink.ts';

export type AuditLine = Record<string, unknown>;

export interface MemoryLog {
  readonly segments: Segments;
  /** Every line, the log's own too. */
  readonly all: readonly string[];
  /** The lines of calls and events: without exchanges, and without what the log says of itself. */
  readonly lines: readonly string[];
  /** `lines`, parsed. */
  records(): AuditLine[];
  /** Every line with this event. */
  named(event: string): AuditLine[];
  /** What stands in the way from now on; undefined for nothing. */
  fail(failure: Error | undefined): void;
}

export function memoryLog(): MemoryLog {
  const all: string[] = [];
  let failure: Error | undefined;
  const settle = () => (failure === undefined ? Promise.resolve() : Promise.reject(failure));
  const sink: AuditSink = {
    write(text, end) {
      if (failure !== undefined) throw failure;
      all.push(text + end(Buffer.from(text)));
    },
    follow: () => {},
    written: () => Promise.resolve(),
    flush: settle,
    close: settle,
    get failure() {
      return failure;
    },
    spoiled: false,
    waiting: 0,
  };
  const own = /"event":"postern\.(?:audit|token)\./;
  const lines = () => all.filter((line) => !own.test(line));
  return {
    segments: { before: undefined, rotates: false, next: () => sink },
    all,
    get lines() {
      return lines();
    },
    records: () => lines().map((line) => JSON.parse(line)),
    named: (event) => all.map((line) => JSON.parse(line)).filter((record) => record.event === event),
    fail(reason) {
      failure = reason;
    },
  };
}
