// Interleaved rounds: A B C, then B C A, ... each loaded for a moment, the same work for all. What is compared is CPU time per
// request of the proxy's process; wall-clock figures of a shared machine tell little.
// A round's CPU is read when the same proxy's next round begins, so that work put off (spans, audit) is counted in.

import { load, type Work } from './load.ts';
import { cpuMicroseconds, stolen } from './processes.ts';
import { median } from './statistics.ts';
import type { Variant } from './variants.ts';
import type { World } from './world.ts';

/** After the last round, in milliseconds: longer than spans wait for their batch. */
const settleMs = 1_500;

/** Requests before anything is measured, and how often at most two seconds are given to reach them. */
const warmRequests = 160_000;
const maxWarmUps = 10;

export interface Row {
  readonly name: string;
  /** CPU microseconds per request. */
  readonly cpu: number;
  readonly cpuMin: number;
  /** Of the medians, to the first proxy's. */
  readonly ratio: number;
  /** Median of the ratios to the first proxy within each round: a slow stretch of the machine falls on both. */
  readonly paired: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly failures: number;
  readonly rounds: readonly number[];
}

export interface Table {
  readonly rows: readonly Row[];
  /** Share of the machine's time taken by other machines while measuring. */
  readonly steal: number;
}

export interface RoundOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly workOf: (variant: Variant) => Work;
}

export async function measure(world: World, variants: readonly Variant[], options: RoundOptions): Promise<Table> {
  const { rounds, seconds, workOf } = options;
  const samples = new Map(variants.map((variant) => [variant.name, newSample()]));
  for (const variant of variants) await warmUp(world, workOf(variant));
  await pause(settleMs);
  const [stolenBefore, allBefore] = stolen();
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < variants.length; turn += 1) {
      const variant = variants[(round + turn) % variants.length];
      const sample = variant && samples.get(variant.name);
      if (variant === undefined || sample === undefined) continue;
      closeRound(sample, variant);
      sample.cpuAt = cpuMicroseconds(variant.pid);
      const outcome = await load(world.folder, workOf(variant), seconds);
      sample.requests = outcome.requests;
      sample.failures += outcome.failures;
      sample.perSecond.push(outcome.requests / outcome.seconds);
      sample.p50.push(outcome.p50);
    }
  }
  await pause(settleMs);
  for (const variant of variants) closeRound(samples.get(variant.name) ?? newSample(), variant);
  const [stolenAfter, allAfter] = stolen();
  return { rows: rowsOf(samples), steal: (stolenAfter - stolenBefore) / Math.max(1, allAfter - allBefore) };
}

/** Until the code is compiled: by count, since a busy machine may serve a few hundred requests in a second. */
async function warmUp(world: World, work: Work): Promise<void> {
  let served = 0;
  for (let tries = 0; tries < maxWarmUps && served < warmRequests; tries += 1) {
    served += (await load(world.folder, work, 2)).requests;
  }
}

interface Sample {
  cpuAt: number | undefined;
  requests: number;
  failures: number;
  readonly cpu: number[];
  readonly perSecond: number[];
  readonly p50: number[];
}

function newSample(): Sample {
  return { cpuAt: undefined, requests: 0, failures: 0, cpu: [], perSecond: [], p50: [] };
}

function closeRound(sample: Sample, variant: Variant): void {
  if (sample.cpuAt === undefined || sample.requests === 0) return;
  sample.cpu.push((cpuMicroseconds(variant.pid) - sample.cpuAt) / sample.requests);
}

function rowsOf(samples: ReadonlyMap<string, Sample>): Row[] {
  const first = samples.values().next().value?.cpu ?? [];
  const base = median(first);
  return [...samples].map(([name, { cpu, perSecond, p50, failures }]) => ({
    name,
    cpu: median(cpu),
    cpuMin: Math.min(...cpu),
    ratio: median(cpu) / base,
    paired: median(cpu.map((each, round) => each / (first[round] ?? Number.NaN))),
    perSecond: median(perSecond),
    p50: median(p50),
    failures,
    rounds: cpu,
  }));
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
