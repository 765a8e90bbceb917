// Streams of events, many at a time: how late an event is, what it costs, what an open stream takes, and that nothing stays open.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuMicroseconds, otherCore, residentKib, runProgram } from '../processes.ts';
import { pause } from '../rounds.ts';
import { chatRequest } from '../servers/answers.ts';
import { median } from '../statistics.ts';
import type { Variant } from '../variants.ts';
import type { World } from '../world.ts';
import { chatHeaders } from './posts.ts';

export interface StreamOptions {
  readonly streams: number;
  /** Milliseconds between two events of one stream. */
  readonly every: number;
  readonly seconds: number;
  readonly rounds: number;
}

export interface StreamRow {
  readonly name: string;
  readonly events: number;
  /** Age of an event when it arrives, in microseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly cpuPerEvent: number;
  /** KiB of resident memory that came with the streams, for each. */
  readonly kibPerStream: number;
  /** Requests the upstream still has open two seconds after the last round; 0 is right. */
  readonly leftOpen: number;
  readonly failures: number;
}

interface Told {
  readonly events: number;
  readonly failures: number;
  readonly p50: number;
  readonly p99: number;
}

export async function streams(
  world: World,
  variants: readonly Variant[],
  options: StreamOptions,
): Promise<readonly StreamRow[]> {
  const samples = new Map(
    variants.map(({ name }) => [name, { told: [] as Told[], cpu: [] as number[], kib: [] as number[] }]),
  );
  for (let round = -1; round < options.rounds; round += 1) {
    for (const variant of variants) {
      const before = residentKib(variant.pid);
      const cpu = cpuMicroseconds(variant.pid);
      const { told, resident } = await once(world, variant, options);
      const sample = samples.get(variant.name);
      if (sample === undefined || round === -1) continue;
      sample.told.push(told);
      sample.cpu.push((cpuMicroseconds(variant.pid) - cpu) / Math.max(1, told.events));
      sample.kib.push(Math.max(0, resident - before) / options.streams);
    }
  }
  await pause(2_000);
  const { open } = await world.upstream.ask({});
  return variants.map(({ name }) => {
    const { told = [], cpu = [], kib = [] } = samples.get(name) ?? {};
    return {
      name,
      events: told.reduce((sum, each) => sum + each.events, 0),
      p50: median(told.map((each) => each.p50)),
      p99: median(told.map((each) => each.p99)),
      cpuPerEvent: median(cpu),
      kibPerStream: median(kib),
      leftOpen: Number(open),
      failures: told.reduce((sum, each) => sum + each.failures, 0),
    };
  });
}

async function once(world: World, variant: Variant, options: StreamOptions): Promise<{ told: Told; resident: number }> {
  const events = Math.max(2, Math.round((options.seconds * 1_000) / options.every));
  const file = join(world.folder, 'streams.json');
  const target = `/stream/v1/chat/completions?events=${events}&every=${options.every}`;
  const body = JSON.stringify({ ...(JSON.parse(chatRequest(1_024)) as object), stream: true });
  writeFileSync(
    file,
    JSON.stringify({ url: variant.url, target, headers: chatHeaders(world), body, streams: options.streams }),
  );
  const script = fileURLToPath(new URL('../servers/stream-client.ts', import.meta.url));
  let resident = residentKib(variant.pid);
  const watching = setInterval(() => {
    resident = Math.max(resident, residentKib(variant.pid));
  }, 250);
  try {
    const text = await runProgram([process.execPath, script, file], { core: otherCore }, options.seconds + 60);
    return { told: JSON.parse(text) as Told, resident };
  } finally {
    clearInterval(watching);
  }
}
