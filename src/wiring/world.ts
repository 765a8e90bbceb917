// What the gate needs from outside itself, so that a test can start a whole gate with its own clock and environment.
// Nothing here is ever taken from a request.

import type { Clock, Log } from '../base/ports.ts';

export interface World {
  readonly clock: Clock;
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
}
