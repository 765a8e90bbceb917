// WebSocket echo: round trips through a tunnel, 64 sockets, 200 bytes each way.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuMicroseconds, otherCore, runProgram } from '../processes.ts';
import { median } from '../statistics.ts';
import type { Variant } from '../variants.ts';
import type { World } from '../world.ts';
import { chatHeaders } from './posts.ts';

export interface SocketRow {
  readonly name: string;
  readonly perSecond: number;
  readonly cpuPerRoundTrip: number;
  readonly failures: number;
}

interface Told {
  readonly roundTrips: number;
  readonly failures: number;
}

export async function sockets(
  world: World,
  variants: readonly Variant[],
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<readonly SocketRow[]> {
  const samples = new Map(
    variants.map(({ name }) => [name, { cpu: [] as number[], rate: [] as number[], failures: 0 }]),
  );
  const script = fileURLToPath(new URL('../servers/socket-client.ts', import.meta.url));
  for (let round = -1; round < rounds; round += 1) {
    for (const { name, url, pid } of variants) {
      const file = join(world.folder, 'sockets.json');
      const { authorization, 'postern-subject-token': subject } = chatHeaders(world);
      const headers = { authorization, 'postern-subject-token': subject };
      writeFileSync(
        file,
        JSON.stringify({ url: `${url.replace('http', 'ws')}/plain/echo`, headers, seconds, sockets: 64 }),
      );
      const cpu = cpuMicroseconds(pid);
      const text = await runProgram([process.execPath, script, file], { core: otherCore }, seconds + 30);
      const told = JSON.parse(text) as Told;
      const sample = samples.get(name);
      if (sample === undefined || round === -1) continue;
      sample.cpu.push((cpuMicroseconds(pid) - cpu) / Math.max(1, told.roundTrips));
      sample.rate.push(told.roundTrips / seconds);
      sample.failures += told.failures;
    }
  }
  return [...samples].map(([name, { cpu, rate, failures }]) => ({
    name,
    perSecond: median(rate),
    cpuPerRoundTrip: median(cpu),
    failures,
  }));
}
