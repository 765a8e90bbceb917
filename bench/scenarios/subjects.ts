// Many users of one agent, each with a token of its own: every memory of the gate is then as large as it is made for.

import { join } from 'node:path';
import { load } from '../load.ts';
import { cpuMicroseconds } from '../processes.ts';
import { pause } from '../rounds.ts';
import { chatRequest } from '../servers/answers.ts';
import { median } from '../statistics.ts';
import type { Variant } from '../variants.ts';
import type { World } from '../world.ts';
import { chatHeaders } from './posts.ts';

export interface SubjectsResult {
  readonly subjects: number;
  readonly one: number;
  readonly many: number;
  readonly ratio: number;
  readonly exchanges: number;
}

const rounds = 9;

export async function subjects(world: World, variant: Variant | undefined, count: number): Promise<SubjectsResult> {
  if (variant === undefined) throw new Error('nothing to measure');
  const file = join(world.folder, 'subjects.txt');
  await world.issuer.ask({ mint: count, file });
  const work = { url: `${variant.url}${variant.chat}`, headers: chatHeaders(world), body: chatRequest(1_024) };
  const works = { one: work, many: { ...work, subjects: file } };
  await load(world.folder, works.one, 5);
  // Every subject must have had its exchange.
  let served = 0;
  for (let tries = 0; tries < 60 && served < count * 2; tries += 1)
    served += (await load(world.folder, works.many, 3)).requests;

  const cost = { one: [] as number[], many: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    for (const which of ['one', 'many'] as const) {
      const before = cpuMicroseconds(variant.pid);
      const { requests } = await load(world.folder, works[which], 2);
      await pause(1_200);
      cost[which].push((cpuMicroseconds(variant.pid) - before) / requests);
    }
  }
  const metrics = await fetch(`${variant.admin}/metrics`).then((answer) => answer.text());
  const exchanges = [...metrics.matchAll(/^postern_token_exchange_duration_seconds_count\{[^}]*\} (\d+)$/gm)];
  return {
    subjects: count,
    one: median(cost.one),
    many: median(cost.many),
    ratio: median(cost.many) / median(cost.one),
    exchanges: exchanges.reduce((sum, [, number]) => sum + Number(number), 0),
  };
}
