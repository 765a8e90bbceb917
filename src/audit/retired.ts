// Files that are complete but not yet wholly on disk: they take no more lines, and are closed as soon as all is written.
// Must never give one up while its lines can still be written.

import type { AuditSink } from './sink.ts';

/** Between two attempts to close a file whose disk does not take it, in milliseconds. */
const retryMs = 1_000;

/** Files that wait at once; a disk that takes nothing must not get new ones without end. */
const maxWaiting = 8;

export interface Retired {
  add(sink: AuditSink): void;
  flush(): Promise<void>;
  /** One more attempt for each. Rejects when lines are lost by that. */
  close(): Promise<void>;
  /** No more may be added for now. */
  full(): boolean;
  failure(): Error | undefined;
  waiting(): number;
}

export function createRetired(): Retired {
  const sinks = new Set<AuditSink>();
  let closing = false;

  const finish = async (sink: AuditSink): Promise<void> => {
    await sink.close();
    sinks.delete(sink);
  };

  function keepFinishing(sink: AuditSink): void {
    finish(sink).catch(() => closing || setTimeout(() => keepFinishing(sink), retryMs).unref());
  }

  const finishAll = async () => {
    await Promise.all([...sinks].map(finish));
  };

  return {
    add(sink) {
      sinks.add(sink);
      keepFinishing(sink);
    },
    flush: finishAll,
    close() {
      closing = true;
      return finishAll();
    },
    full: () => sinks.size >= maxWaiting,
    failure: () => [...sinks].find((sink) => sink.failure !== undefined)?.failure,
    waiting: () => [...sinks].reduce((sum, sink) => sum + sink.waiting, 0),
  };
}
