// Gives back what a start leaves behind: what was parsed, compiled and thrown away, and the young heap that grew for it. V8 would
// keep it for as long as the gate has little to do, since nothing then begins a full collection (docs/adr/0015-a-fast-start.md).
// Must never run once calls are carried: it stops the thread for as long as it takes.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Also shrinks the young heap, which grows again with the first load. */
const collection = { type: 'major', execution: 'sync', flavor: 'last-resort' } as const;

/** To be called once, before anything listens. Does nothing in a runtime that has no such collection. */
export function giveBackHeap(): void {
  // The flag only gives contexts made while it is on a function; none is made but this one.
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('globalThis.gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof collect === 'function') collect(collection);
}
