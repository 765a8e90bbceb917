// Has V8 keep a process small while a gate starts. What a start does is done once: a young heap as large as its garbage, and code
// optimized for one file of YAML, are of no use to calls, but stay as long as the process (docs/adr/0015-a-fast-start.md).
// Must never be left on once calls are carried: their young heap has to grow.

import { setFlagsFromString } from 'node:v8';

/** The engines of Node 24 and 26, which were measured; another is left as it is: the flags are V8's own and may mean something else. */
const measured = /^1[34]\.6\./;

/**
 * By what the young heap is multiplied when much of it survives. While a gate starts nearly all of it does, and it grew from 2 MB to
 * 16, which were empty afterwards, and resident: 12 MiB. On the command line V8 makes this 2 at the least, here it does not.
 */
const growth = (factor: 1 | 2) => `--semi-space-growth-factor=${factor}`;

/**
 * Whether a function is replaced while it runs. One was, the loop over the tokens of a YAML file: for that the optimizing compiler was
 * read from the disk, 5 MiB of it, and took 1 MiB. Functions that are called often are optimized nevertheless.
 */
const replaced = (whileRunning: boolean) => (whileRunning ? '--use-osr' : '--no-use-osr');

/** To be called before the code of the gate is loaded. @param engine `process.versions.v8` */
export function startSmall(engine: string): void {
  if (!measured.test(engine)) return;
  setFlagsFromString(growth(1));
  setFlagsFromString(replaced(false));
}

/** To be called when the gate is ready: V8 does as it does by default. @param engine `process.versions.v8` */
export function endSmallStart(engine: string): void {
  if (!measured.test(engine)) return;
  setFlagsFromString(growth(2));
  setFlagsFromString(replaced(true));
}
