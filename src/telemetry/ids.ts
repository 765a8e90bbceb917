// Trace and span ids. From the system's random source: the SDK's come from Math.random, whose next values can be computed from
// a few that were seen, and an inbound call's trace id is what its agent's calls are known by.

import { randomHex } from '../base/random-ids.ts';

export function newTraceId(): string {
  return randomHex(16);
}

export function newSpanId(): string {
  return randomHex(8);
}
