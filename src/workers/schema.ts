// Configuration of the threads that carry calls, and what it comes to on this machine.
// Must never let the configuration ask for threads without bound: each is a whole gate with memory of its own.

import { availableParallelism } from 'node:os';
import * as z from 'zod';

/** Most threads of one gate: one per core is all that helps, and more gates scale better than one with more. */
const maxWorkers = 64;

export const workersSchema = z
  .union([z.int().min(1).max(maxWorkers), z.literal('auto')])
  .default(1)
  .describe(
    'Threads that carry calls, on the same port; `auto`: one for each core. More than one needs Linux, `listen.outbound` on TCP and no `inbound`. Read at start only.',
  );

export type WorkersConfig = z.output<typeof workersSchema>;

/** @returns threads to start; 1 for none but the main one */
export function workerCount(workers: WorkersConfig): number {
  return workers === 'auto' ? Math.min(availableParallelism(), maxWorkers) : workers;
}
