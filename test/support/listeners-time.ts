// The time of `setTimeout`, moved by hand. Node's own mock (node:test) does not know `refresh`, by which a connection is kept.

import type { Test } from 'tap';

export interface HeldTime {
  /** Runs what is due by then, in order. */
  pass(ms: number): void;
  /** How many timers wait. */
  waiting(): number;
}

interface HeldTimer {
  readonly ms: number;
  readonly run: () => void;
  due: number;
}

/** For timers set from now on; until the test ends. */
export function holdTime(t: Test): HeldTime {
  const { setTimeout: realSet, clearTimeout: realClear } = globalThis;
  const timers = new Map<unknown, HeldTimer>();
  let now = 0;

  function set(run: () => void, ms = 0): unknown {
    const timer: HeldTimer = { ms, run, due: now + ms };
    const handle = {
      unref: () => handle,
      ref: () => handle,
      hasRef: () => false,
      refresh() {
        timer.due = now + ms;
        timers.set(handle, timer);
        return handle;
      },
    };
    timers.set(handle, timer);
    return handle;
  }

  function clear(handle: unknown): void {
    if (!timers.delete(handle)) Reflect.apply(realClear, globalThis, [handle]);
  }

  Reflect.set(globalThis, 'setTimeout', set);
  Reflect.set(globalThis, 'clearTimeout', clear);
  t.teardown(() => {
    globalThis.setTimeout = realSet;
    globalThis.clearTimeout = realClear;
  });

  return {
    pass(ms) {
      const until = now + ms;
      for (;;) {
        const [next] = [...timers].filter(([, { due }]) => due <= until).sort(([, a], [, b]) => a.due - b.due);
        if (next === undefined) break;
        const [handle, timer] = next;
        now = timer.due;
        timers.delete(handle);
        timer.run();
      }
      now = until;
    },
    waiting: () => timers.size,
  };
}
