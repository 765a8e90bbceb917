// Has the memory of buffers collected with the young objects they belong to. V8 13.6, the engine of Node 24, otherwise collects
// the whole heap every 64 MB of buffers: https://github.com/nodejs/node/issues/61967, also for what it quotes of V8's source.

import { setFlagsFromString } from 'node:v8';

/** The one engine that was measured. Later ones count what buffers hold into the limits of the heap. */
const affected = /^13\.6\./;

/**
 * With 64 calls of 256 KB under way, a full collection came every hundred calls and took half of their CPU time
 * (docs/performance.md). Collecting the young objects frees the same buffers for a tenth of that, but buffers begin it only once
 * they hold four times as many megabytes as this says, 128 by default, and never reach that: at 64 the full collection comes first.
 * 8 is what Node 23 had. Less memory is held by it, not more. Threads started afterwards have the young heap of Node 23 as well.
 */
const youngCapacity = '--scavenger-max-new-space-capacity-mb=8';

/** To be called once, before calls are carried. @param engine `process.versions.v8` */
export function collectBuffersEarly(engine: string): void {
  if (affected.test(engine)) setFlagsFromString(youngCapacity);
}
