// A thousand callers at once with the same tokens and nothing in the cache: one exchange, and a thousand answers.

import { Agent, request } from 'node:http';
import { chatRequest } from '../servers/answers.ts';
import type { StartVariant } from '../variants.ts';
import type { World } from '../world.ts';
import { chatHeaders } from './posts.ts';

export interface MissResult {
  readonly callers: number;
  readonly answered: number;
  readonly exchanges: number;
  readonly milliseconds: number;
}

export async function misses(world: World, start: StartVariant, callers: number): Promise<MissResult> {
  const variant = await start(world);
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  const body = chatRequest(1_024);
  const began = performance.now();
  const statuses = await Promise.all(
    Array.from({ length: callers }, () => post(agent, `${variant.url}${variant.chat}`, chatHeaders(world), body)),
  );
  const milliseconds = performance.now() - began;
  agent.destroy();
  const metrics = await fetch(`${variant.admin}/metrics`).then((answer) => answer.text());
  await variant.stop();
  const counts = [...metrics.matchAll(/^postern_token_exchange_duration_seconds_count\{[^}]*\} (\d+)$/gm)];
  return {
    callers,
    answered: statuses.filter((status) => status === 200).length,
    exchanges: counts.reduce((sum, [, count]) => sum + Number(count), 0),
    milliseconds,
  };
}

function post(agent: Agent, url: string, headers: Record<string, string>, body: string): Promise<number> {
  return new Promise((resolve) => {
    const call = request(
      url,
      { method: 'POST', agent, headers: { ...headers, 'content-length': body.length } },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 0));
      },
    );
    call.on('error', () => resolve(0));
    call.end(body);
  });
}
