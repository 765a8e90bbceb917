// A clock that stands still until the test moves it.

import type { Clock } from '../../src/base/ports.ts';

/** 2026-11-21T12:00:00Z, in ms since the epoch. */
export const noon = 1_795_262_400_000;

export interface MovedClock extends Clock {
  /** Moves time on by this many seconds. */
  pass(seconds: number): void;
}

export function stoppedClock(at: number = noon): MovedClock {
  let now = at;
  return {
    now: () => now,
    pass(seconds) {
      now += seconds * 1_000;
    },
  };
}
