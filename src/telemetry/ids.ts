// Trace and span ids. From the system's random source: the SDK's come from Math.random, whose next values can be computed from
// a few that were seen, and an inbound call's trace id is what its agent's calls are known by.

import { randomFillSync } from 'node:crypto';

/** Drawn at once: a few hundred ids for the price of one system call. */
const drawnBytes = 4_096;

/**
 * Bytes made text at once, of which ids are slices: 12 ns each, 100 when each is made by itself. As long as one id is kept its
 * whole text is, so it is short.
 */
const textBytes = 128;

const drawn = Buffer.alloc(drawnBytes);
let used = drawnBytes;
let text = '';
let at = 0;

export function newTraceId(): string {
  return take(32);
}

export function newSpanId(): string {
  return take(16);
}

/** Each digit is handed out once. */
function take(digits: number): string {
  if (at + digits > text.length) {
    text = nextText();
    at = 0;
  }
  at += digits;
  return text.slice(at - digits, at);
}

function nextText(): string {
  if (used === drawnBytes) {
    randomFillSync(drawn);
    used = 0;
  }
  used += textBytes;
  return drawn.toString('hex', used - textBytes, used);
}
