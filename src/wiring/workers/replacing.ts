// Puts another worker in the place of one that ended by itself: at once, and more slowly the more of them end, so that a call
// that kills workers, or a machine without memory, does not keep it busy with starting them.

import { setTimeout } from 'node:timers/promises';
import type { Clock, Log } from '../../base/ports.ts';

/** Time over which ends count, in milliseconds. */
const windowMs = 60_000;

/** Ends in that time after which the next start waits. */
const freely = 3;

const firstWaitMs = 500;
const longestWaitMs = 30_000;

export interface ReplacingOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Resolves when it carries calls. */
  readonly start: (worker: number) => Promise<void>;
}

export interface Replacing {
  ended(worker: number, failure: Error | undefined): void;
  /** Workers that ended by themselves so far. */
  ends(): number;
  /** Nobody is replaced any more. Resolves when nobody is being started either. */
  close(): Promise<void>;
}

export function createReplacing({ clock, log, start }: ReplacingOptions): Replacing {
  const closing = new AbortController();
  const under = new Set<Promise<void>>();
  let recent: number[] = [];
  let count = 0;

  function waitMs(): number {
    recent = recent.filter((at) => clock.now() - at < windowMs);
    const over = recent.length - freely;
    return over <= 0 ? 0 : Math.min(longestWaitMs, firstWaitMs * 2 ** (over - 1));
  }

  async function replace(worker: number): Promise<void> {
    while (!closing.signal.aborted) {
      recent.push(clock.now());
      try {
        await setTimeout(waitMs(), undefined, { ref: false, signal: closing.signal });
        await start(worker);
        log.info({ worker }, 'worker replaced');
        return;
      } catch (failure) {
        if (!closing.signal.aborted) log.error({ err: failure, worker }, 'worker could not be replaced');
      }
    }
  }

  return {
    ended(worker, failure) {
      if (closing.signal.aborted) return;
      count += 1;
      log.error({ err: failure, worker }, 'worker ended, and the calls it carried');
      const replaced = replace(worker).finally(() => under.delete(replaced));
      under.add(replaced);
    },
    ends: () => count,
    async close() {
      closing.abort();
      await Promise.all(under);
    },
  };
}
