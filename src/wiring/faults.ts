// Tells the operator where the gate itself failed. A fault refuses its call like any other reason, and its record names only
// the kind of error: without the place nobody could mend it. Places only, never the message, which may quote anything.

import type { Refusal } from '../base/errors.ts';
import type { Log } from '../base/ports.ts';
import type { Arrival } from '../call.ts';

/** Frames told of one fault. */
const maxFrames = 8;

type Refuse = (reached: Arrival, refusal: Refusal) => void;

export function tellFaults(refuse: Refuse, log: Log): Refuse {
  return function refuseAndTell(reached, refusal) {
    if (refusal.reason === 'internal_fault') {
      const { id: request, method } = reached;
      log.error({ request, method, what: refusal.detail, at: placesOf(refusal.cause) }, 'the gate failed on a call');
    }
    refuse(reached, refusal);
  };
}

/** Lines of a stack trace that name a place; the lines of the message before them are left out. */
function placesOf(cause: unknown): readonly string[] {
  const stack = cause instanceof Error ? (cause.stack ?? '') : '';
  const frames = stack.split('\n').filter((line) => /^\s+at .*:\d+:\d+\)?$/.test(line));
  return frames.slice(0, maxFrames).map((line) => line.trim());
}
