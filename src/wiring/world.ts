// What the gate needs from outside itself, so that a test can start a whole gate with its own clock and environment.
// Nothing here is ever taken from a request.

import type { Clock, Log, Timers } from '../base/ports.ts';

export interface World {
  readonly clock: Clock;
  readonly log: Log;
  /** Of those who watch over workers; the system's own by default. */
  readonly timers?: Timers;
  readonly env: Readonly<Record<string, string | undefined>>;
}
