// From the start of the process to the first "ready", issuer elsewhere, no HTTP/2; and what it takes at rest.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { residentKib } from '../processes.ts';
import { pause } from '../rounds.ts';
import { median } from '../statistics.ts';
import { postern } from '../variants.ts';
import type { World } from '../world.ts';

export interface StartRow {
  readonly name: string;
  readonly milliseconds: number;
  readonly least: number;
  readonly idleMib: number;
}

export async function starting(world: World, times: number): Promise<readonly StartRow[]> {
  const built = existsSync(fileURLToPath(new URL('../../dist/cli.js', import.meta.url)));
  const rows = [await startOften(world, 'unbuilt (node src/cli.ts)', false, times)];
  if (built) rows.push(await startOften(world, 'built (node dist/cli.js)', true, times));
  return rows;
}

async function startOften(world: World, name: string, built: boolean, times: number): Promise<StartRow> {
  const took: number[] = [];
  const resident: number[] = [];
  for (let time = 0; time < times; time += 1) {
    const variant = await postern(`start-${built}`, { ratio: 1, built, http2: false })(world);
    took.push(variant.readyMs);
    await pause(1_000);
    resident.push(residentKib(variant.pid) / 1_024);
    await variant.stop();
  }
  return { name, milliseconds: median(took), least: Math.min(...took), idleMib: median(resident) };
}
