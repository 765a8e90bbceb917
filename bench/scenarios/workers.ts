// Two workers against one: calls per second, and what each call costs. Load and upstream need cores as well, so where the system
// can do it (quota.ts) every thread that carries calls is kept to the same share of a core: the only one with one worker, each of
// two with two. What the gate does beside them (main thread, V8's, the disk's) is not kept to anything, and counted in its cost.
// Elsewhere all share the cores there are: the second worker has little left on a machine of two, and only the cost tells.

import { load, type Work } from '../load.ts';
import { cpuMicroseconds, otherCore, proxyCore, startProgram, threadMicroseconds, threadsOf } from '../processes.ts';
import { hasQuota, keepTo } from '../quota.ts';
import { pause } from '../rounds.ts';
import { chatRequest } from '../servers/answers.ts';
import { median } from '../statistics.ts';
import type { Variant } from '../variants.ts';
import type { World } from '../world.ts';
import { chatHeaders } from './posts.ts';

export interface WorkersRow {
  readonly name: string;
  readonly perSecond: number;
  /** Median over pairs of rounds, one right after the other. */
  readonly speedUp: number;
  /** CPU microseconds per call, of all threads. */
  readonly cpu: number;
  readonly costRatio: number;
  /** CPU microseconds per call of the main thread, which carries no calls where there are two workers. */
  readonly main: number;
  readonly failures: number;
}

export interface WorkersResult {
  readonly rows: readonly WorkersRow[];
  readonly cores: string;
}

/** In pairs: this machine becomes slower and faster from one second to the next. */
const rounds = 20;
const seconds = 1;
const warmSeconds = 12;

/** Of a core, for each thread that carries calls: two of them, and their load and upstream, take one and a half cores. */
const share = 0.3;

/** The kernel deals them out by chance: of many, each worker gets nearly as many. */
const connections = 128;

interface Run {
  readonly name: string;
  readonly pid: number;
  readonly work: Work;
  readonly perSecond: number[];
  readonly cpu: number[];
  readonly main: number[];
  failures: number;
}

export async function workers(world: World, variants: readonly Variant[]): Promise<WorkersResult> {
  const headers = chatHeaders(world);
  const runs = variants.map(({ name, url, chat, pid }): Run => {
    const work = { url: `${url}${chat}`, headers, body: chatRequest(1_024), connections };
    return { name, pid, work, perSecond: [], cpu: [], main: [], failures: 0 };
  });
  // Not kept to anything yet: compiling would take from the calls for long.
  for (const { work } of runs) await load(world.folder, work, warmSeconds);
  const ends = hasQuota ? [...runs.map(({ pid }) => keepCarriers(pid)), keepAwake()] : [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const run of round % 2 === 0 ? runs : runs.toReversed()) await measure(world, run);
    }
  } finally {
    for (const end of ends) await end();
  }
  const cores = hasQuota ? `${share} of one for each thread that carries calls` : 'all, shared with load and upstream';
  return { rows: rowsOf(runs), cores };
}

function keepCarriers(pid: number): () => void {
  const crew = threadsOf(pid).filter(({ name }) => name.startsWith('worker '));
  return keepTo(share, pid, crew.length === 0 ? [pid] : crew.map(({ id }) => id));
}

/** A virtual core with nothing to do is given away, and comes back with cold caches: less of that with two workers than with one. */
function keepAwake(): () => Promise<void> {
  const spinners = [proxyCore, otherCore].map((core) => {
    return startProgram(['chrt', '--idle', '0', process.execPath, '-e', 'for (;;);'], { core });
  });
  return async () => {
    for (const spinner of spinners) await spinner.stop();
  };
}

async function measure(world: World, run: Run): Promise<void> {
  const { pid } = run;
  const [cpu, main] = [cpuMicroseconds(pid), threadMicroseconds(pid, pid)];
  const outcome = await load(world.folder, run.work, seconds);
  // For records and spans that wait.
  await pause(200);
  run.cpu.push((cpuMicroseconds(pid) - cpu) / outcome.requests);
  run.main.push((threadMicroseconds(pid, pid) - main) / outcome.requests);
  run.perSecond.push(outcome.requests / outcome.seconds);
  run.failures += outcome.failures;
}

function rowsOf(runs: readonly Run[]): WorkersRow[] {
  const ratio = (mine: readonly number[], first: readonly number[] = []) =>
    median(mine.map((value, at) => value / (first[at] ?? value)));
  return runs.map(({ name, perSecond, cpu, main, failures }) => ({
    name,
    perSecond: median(perSecond),
    speedUp: ratio(perSecond, runs[0]?.perSecond),
    cpu: median(cpu),
    costRatio: ratio(cpu, runs[0]?.cpu),
    main: median(main),
    failures,
  }));
}
