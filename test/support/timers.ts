// Timers that the test runs by hand: nothing happens later by itself.

import type { Timers } from '../../src/base/ports.ts';

export interface HeldTimers extends Timers {
  /** Runs every timer that waits this long. @returns how many */
  fire(ms: number): number;
  /** Resolves when the next timer of this length is set. */
  set(ms: number): Promise<void>;
  /** Lengths of those that wait, in the order they were set. */
  waiting(): readonly number[];
}

export function heldTimers(): HeldTimers {
  const waiting = new Set<{ readonly ms: number; readonly run: () => void }>();
  const awaited: { readonly ms: number; readonly resolve: () => void }[] = [];
  return {
    after(ms, run) {
      const timer = { ms, run };
      waiting.add(timer);
      for (const [at, wait] of [...awaited.entries()].reverse()) {
        if (wait.ms !== ms) continue;
        awaited.splice(at, 1);
        wait.resolve();
      }
      return () => waiting.delete(timer);
    },
    fire(ms) {
      const due = [...waiting].filter((timer) => timer.ms === ms);
      for (const timer of due) {
        waiting.delete(timer);
        timer.run();
      }
      return due.length;
    },
    set: (ms) => new Promise((resolve) => awaited.push({ ms, resolve })),
    waiting: () => [...waiting].map(({ ms }) => ms),
  };
}
