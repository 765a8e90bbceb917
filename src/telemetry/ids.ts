// Trace and span ids. From the system's random source: the SDK's come from Math.random, whose next values can be computed from
// a few that were seen, and an inbound call's trace id is what its agent's calls are known by.

import { randomFillSync } from 'node:crypto';

/** Drawn at once: a few hundred ids for the price of one system call (0.1 us each). */
const drawnBytes = 4_096;

const drawn = Buffer.alloc(drawnBytes);
let used = drawnBytes;

export function newTraceId(): string {
  return randomHex(16);
}

export function newSpanId(): string {
  return randomHex(8);
}

/** Each byte is handed out once. */
function randomHex(bytes: number): string {
  if (used + bytes > drawnBytes) {
    randomFillSync(drawn);
    used = 0;
  }
  used += bytes;
  return drawn.toString('hex', used - bytes, used);
}
