// Notices a worker that hangs: its thread runs, but its event loop is blocked, so that its connections are taken and never
// answered. Must never take one for hung because this process stood still (a paused container): only beats that were sent one
// after the other, each with its own time to be answered, count.

import type { Timers } from '../../base/ports.ts';

/** Between two beats, in milliseconds. */
export const beatMs = 5_000;

/** Beats in a row that stay unanswered: beyond the longest pause of a worker that is only busy (compiling, collecting garbage). */
export const missedAtMost = 3;

export interface HeartbeatOptions {
  readonly timers: Timers;
  /** Sends one. */
  readonly beat: () => void;
  /** Called once, and no beat is sent after that. @param silentMs for how long it has not answered, at least */
  readonly hung: (silentMs: number) => void;
}

export interface Heartbeat {
  /** It answered: to the last beat or to an earlier one, which shows as much. */
  answered(): void;
  stop(): void;
}

export function startHeartbeat({ timers, beat, hung }: HeartbeatOptions): Heartbeat {
  let missed = 0;
  let cancel = (): void => {};

  function next(): void {
    beat();
    cancel = timers.after(beatMs, () => {
      missed += 1;
      if (missed < missedAtMost) next();
      else hung(missed * beatMs);
    });
  }

  next();
  return {
    answered() {
      missed = 0;
    },
    stop: () => cancel(),
  };
}
