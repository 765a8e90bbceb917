// A clock that goes with the system's and can be put ahead: how the demo waits for a handle to end without waiting.

import { type Clock, systemClock } from '../../src/base/ports.ts';

export interface DemoClock extends Clock {
  advance(milliseconds: number): void;
}

export function createDemoClock(): DemoClock {
  let ahead = 0;
  return {
    now: () => systemClock.now() + ahead,
    advance(milliseconds) {
      ahead += milliseconds;
    },
  };
}
