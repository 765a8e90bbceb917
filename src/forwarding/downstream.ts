// Writes one answer to the agent: head, body with backpressure, end. Keeps the count of what went out and notices an agent
// that stops reading. Must never let a half-sent answer look whole: what fails after the head cuts the connection.

import { joinable } from '../base/one-piece.ts';
import { atTurnEnd, type Later } from '../base/turn-end.ts';
import type { AttemptObservation } from '../call.ts';
import type { AgentResponse } from '../transport.ts';
import { createGuard, finishGuarded, type Guard, type Guarded, passGuarded } from './guard.ts';
import type { ResponseHead } from './response-headers.ts';

export interface DownstreamOptions {
  readonly response: AgentResponse;
  /** Is shown what goes out. */
  readonly observation: AttemptObservation;
  readonly idleMs: number;
  /** The agent reads again. */
  readonly drained: () => void;
  /** The agent read nothing for the idle time although bytes were waiting. */
  readonly stalled: () => void;
}

/**
 * One answer. A record and functions over it: with a thousand streams open nothing of a call is in the processor's cache when its
 * next event comes, and each closure on the way was two more lines to fetch (thirty in all, 6 us of each event).
 */
export interface Downstream extends Later {
  readonly options: DownstreamOptions;
  readonly response: AgentResponse;
  readonly observation: AttemptObservation;
  begun: boolean;
  ended: boolean;
  sent: number;
  /** Bytes to come; undefined for a body without known end. */
  remaining: number | undefined;
  guard: Guard | undefined;
  /** Made when it is first needed: most agents read as fast as models speak. */
  onDrain: (() => void) | undefined;
  /** A whole answer that leaves at the end of this turn. */
  last: Buffer | undefined;
  stall: NodeJS.Timeout | undefined;
}

export function openDownstream(options: DownstreamOptions): Downstream {
  const { response, observation } = options;
  return {
    options,
    response,
    observation,
    begun: false,
    ended: false,
    sent: 0,
    remaining: undefined,
    guard: undefined,
    onDrain: undefined,
    last: undefined,
    stall: undefined,
    turnEnded: endNow,
  };
}

/** @throws when status or a header line cannot be written (an upstream's invalid byte). */
export function beginAnswer(
  down: Downstream,
  status: number,
  head: ResponseHead,
  guarded: Guarded,
  bodiless: boolean,
): void {
  down.response.writeHead(status, head.lines);
  down.begun = true;
  if (head.guarded) down.guard = createGuard(guarded);
  if (bodiless) return;
  down.remaining = head.length;
  // Without a length it is a stream: the head must not wait for the first event.
  if (down.remaining === undefined) down.response.flushHeaders();
}

/** @returns whether more may follow at once; if not, wait for `drained` */
export function writeAnswer(down: Downstream, chunk: Buffer): boolean {
  if (down.ended) return true;
  const { remaining, guard } = down;
  let last = false;
  if (remaining !== undefined) {
    down.remaining = remaining - chunk.length;
    last = down.remaining <= 0;
  }
  if (guard === undefined) return put(down, chunk, last);
  return put(down, last ? finishGuarded(guard, chunk) : passGuarded(guard, chunk), last);
}

export function finishAnswer(down: Downstream): void {
  if (!down.ended) put(down, down.guard === undefined ? nothing : finishGuarded(down.guard, nothing), true);
}

/** Stops timers; the answer is over, well or not. */
export function releaseAnswer(down: Downstream): void {
  clearTimeout(down.stall);
  if (down.onDrain !== undefined) down.response.off('drain', down.onDrain);
}

/** Chunks in order; the last one of a known length leaves together with the end (one write, one packet). */
function put(down: Downstream, chunk: Buffer, last: boolean): boolean {
  const { response } = down;
  if (chunk.length > 0) {
    down.sent += chunk.length;
    down.observation.passed(chunk);
  }
  if (last) {
    down.ended = true;
    down.last = chunk;
    // What was streamed goes at once; an answer that came as one piece goes with those of the other calls of this turn.
    if (down.sent === chunk.length) atTurnEnd(down);
    else endNow.call(down);
    return true;
  }
  if (chunk.length === 0 || response.write(chunk)) return true;
  waitForAgent(down);
  return false;
}

function endNow(this: Downstream): void {
  const { response, last } = this;
  this.last = undefined;
  if (last === undefined || response.destroyed) return;
  const text = last.length > 0 ? joinable(last) : '';
  if (text === undefined) response.end(last);
  else response.end(text, 'latin1');
  // Also where little of it is left: no more is written that an agent which reads nothing could be noticed by.
  if (response.writableLength > 0) waitForAgent(this);
}

function waitForAgent(down: Downstream): void {
  if (down.onDrain === undefined) {
    down.onDrain = () => {
      clearTimeout(down.stall);
      down.stall = undefined;
      down.options.drained();
    };
    down.response.on('drain', down.onDrain);
  }
  down.stall ??= setTimeout(down.options.stalled, down.options.idleMs).unref();
}

const nothing = Buffer.alloc(0);
