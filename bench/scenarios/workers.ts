// Two threads against one: calls per second while nothing but the gate is short of a core, and what each call costs then.
// Load and upstream need cores as well: on a machine of two the second thread has little left, and only the cost tells.

import { load } from '../load.ts';
import { cpuMicroseconds } from '../processes.ts';
import { pause } from '../rounds.ts';
import { chatRequest } from '../servers/answers.ts';
import { median } from '../statistics.ts';
import type { Variant } from '../variants.ts';
import type { World } from '../world.ts';
import { chatHeaders } from './posts.ts';

export interface WorkersRow {
  readonly name: string;
  readonly perSecond: number;
  readonly speedUp: number;
  /** CPU microseconds per call, of all threads. */
  readonly cpu: number;
  readonly costRatio: number;
  readonly failures: number;
}

const rounds = 9;
const seconds = 2;

export async function workers(world: World, variants: readonly Variant[]): Promise<readonly WorkersRow[]> {
  const body = chatRequest(1_024);
  const runs = variants.map(({ name, url, chat, pid }) => ({
    ...{ name, pid, work: { url: `${url}${chat}`, headers: chatHeaders(world), body } },
    ...{ perSecond: [] as number[], cpu: [] as number[], failures: 0 },
  }));
  for (const { work } of runs) await load(world.folder, work, 8);
  for (let round = 0; round < rounds; round += 1) {
    for (const run of round % 2 === 0 ? runs : runs.toReversed()) {
      const before = cpuMicroseconds(run.pid);
      const outcome = await load(world.folder, run.work, seconds);
      await pause(1_200);
      run.cpu.push((cpuMicroseconds(run.pid) - before) / outcome.requests);
      run.perSecond.push(outcome.requests / outcome.seconds);
      run.failures += outcome.failures;
    }
  }
  const [one] = runs;
  return runs.map(({ name, perSecond, cpu, failures }) => ({
    name,
    perSecond: median(perSecond),
    speedUp: median(perSecond) / median(one?.perSecond ?? []),
    cpu: median(cpu),
    costRatio: median(cpu) / median(one?.cpu ?? []),
    failures,
  }));
}
