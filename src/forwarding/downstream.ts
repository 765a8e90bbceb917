// Writes one answer to the agent: head, body with backpressure, end. Keeps the count of what went out and notices an agent
// that stops reading. Must never let a half-sent answer look whole: what fails after the head cuts the connection.

import type { ServerResponse } from 'node:http';
import { createGuard } from './guard.ts';
import type { ResponseHead } from './response-headers.ts';

export interface DownstreamEvents {
  /** The agent reads again. */
  drained(): void;
  /** The agent read nothing for the idle time although bytes were waiting. */
  stalled(): void;
  /** Bytes on their way to the agent. */
  passed(chunk: Buffer): void;
}

export interface Downstream {
  /** @throws when status or a header line cannot be written (an upstream's invalid byte). */
  begin(status: number, head: ResponseHead, forms: readonly string[], bodiless: boolean): void;
  /** Whether more may follow at once; if not, wait for `drained`. */
  write(chunk: Buffer): boolean;
  finish(): void;
  /** Stops timers; the answer is over, well or not. */
  release(): void;
  readonly begun: boolean;
  readonly ended: boolean;
  readonly sent: number;
}

export function openDownstream(response: ServerResponse, idleMs: number, events: DownstreamEvents): Downstream {
  let remaining: number | undefined;
  let guard: ReturnType<typeof createGuard> | undefined;
  let listening = false;
  let stall: NodeJS.Timeout | undefined;

  function onDrain(): void {
    clearTimeout(stall);
    stall = undefined;
    events.drained();
  }

  function waitForAgent(): void {
    if (!listening) response.on('drain', onDrain);
    listening = true;
    stall ??= setTimeout(events.stalled, idleMs).unref();
  }

  /** Chunks in order; the last one of a known length leaves together with the end (one write, one packet). */
  function put(chunk: Buffer, last: boolean): boolean {
    if (chunk.length > 0) {
      down.sent += chunk.length;
      events.passed(chunk);
    }
    if (last) {
      down.ended = true;
      if (chunk.length > 0) response.end(chunk);
      else response.end();
      if (response.writableLength > response.writableHighWaterMark) waitForAgent();
      return true;
    }
    if (chunk.length === 0 || response.write(chunk)) return true;
    waitForAgent();
    return false;
  }

  // No getters: see docs/adr/0011.
  const down: Mutable<Downstream> = {
    begun: false,
    ended: false,
    sent: 0,
    begin(status, head, forms, bodiless) {
      response.writeHead(status, head.lines);
      down.begun = true;
      if (head.guarded) guard = createGuard(forms);
      if (bodiless) return;
      remaining = head.length;
      // Without a length it is a stream: the head must not wait for the first event.
      if (remaining === undefined) response.flushHeaders();
    },
    write(chunk) {
      if (down.ended) return true;
      if (remaining !== undefined) remaining -= chunk.length;
      const last = remaining !== undefined && remaining <= 0;
      if (guard === undefined) return put(chunk, last);
      return put(last ? guard.finish(chunk) : guard.pass(chunk), last);
    },
    finish() {
      if (!down.ended) put(guard === undefined ? nothing : guard.finish(nothing), true);
    },
    release() {
      clearTimeout(stall);
      if (listening) response.off('drain', onDrain);
    },
  };
  return down;
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

const nothing = Buffer.alloc(0);
