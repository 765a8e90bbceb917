// A whole gate with two workers, and a way to call each of them: connections are dealt out by the system, so a call shows by
// the counters which worker has its connection.

import type { IncomingHttpHeaders } from 'node:http';
import type { Worker } from 'node:worker_threads';
import type { Test } from 'tap';
import { Client } from 'undici';
import { systemClock } from '../../src/base/ports.ts';
import { type Document, type Places, startE2e, type World, type WorldOptions } from './e2e-world.ts';

/** Connections tried until each worker has one: that two workers share 64 unequally to the last is no chance to reckon with. */
const maxTries = 64;

export interface CrewWorld extends World {
  /** Threads started so far, in order. */
  readonly threads: readonly Worker[];
  /** One connection to each worker. */
  eachWorker(): Promise<readonly Caller[]>;
  /** Sum of the lines of /metrics that this matches. */
  measured(line: RegExp): Promise<number>;
}

export interface Sent {
  readonly path?: string;
  readonly headers?: Record<string, string>;
  /** Makes it a POST. */
  readonly body?: object;
}

/** One connection, over which planner calls for alice. */
export interface Caller {
  /** @returns the status */
  (path?: string, headers?: Record<string, string>): Promise<number>;
  send(sent: Sent): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders }>;
}

export async function startCrewWorld(
  t: Test,
  sections: (places: Places) => Document = () => ({}),
  options: Pick<WorldOptions, 'timers'> = {},
): Promise<CrewWorld> {
  const threads: Worker[] = [];
  const started = (worker: Worker) => threads.push(worker);
  process.on('worker', started);
  t.teardown(() => process.off('worker', started));
  const world = await startE2e(t, {
    ...options,
    clock: systemClock,
    config: (places) => ({ workers: 2, ...sections(places) }),
  });

  async function measured(line: RegExp): Promise<number> {
    const text = await (await fetch(`${world.app.adminUrl}/metrics`)).text();
    const lines = text.split('\n').filter((one) => line.test(one));
    return lines.reduce((sum, one) => sum + Number(one.slice(one.lastIndexOf(' '))), 0);
  }

  async function connect(): Promise<Caller> {
    const client = new Client(world.gate, { keepAliveTimeout: 60_000 });
    t.teardown(() => client.destroy());
    const tokens = { authorization: `Bearer ${await world.agent()}`, 'postern-subject-token': await world.user() };
    const send: Caller['send'] = async ({ path = '/api', headers = {}, body: given }) => {
      const {
        statusCode,
        headers: answered,
        body,
      } = await client.request({
        ...{ method: given === undefined ? 'GET' : 'POST', path, headers: { ...tokens, ...headers } },
        ...(given !== undefined && { body: JSON.stringify(given) }),
      });
      await body.text();
      return { status: statusCode, headers: answered };
    };
    const call = async (path?: string, headers?: Record<string, string>) =>
      (await send({ ...(path !== undefined && { path }), ...(headers && { headers }) })).status;
    return Object.assign(call, { send });
  }

  async function eachWorker(): Promise<readonly Caller[]> {
    const found = new Map<number, Caller>();
    for (let tries = 0; found.size < 2 && tries < maxTries; tries += 1) {
      const caller = await connect();
      const before = await Promise.all([1, 2].map((worker) => measured(callsOf(worker))));
      await caller('/nowhere');
      const after = await Promise.all([1, 2].map((worker) => measured(callsOf(worker))));
      const worker = (after[0] ?? 0) > (before[0] ?? 0) ? 1 : 2;
      if (!found.has(worker)) found.set(worker, caller);
    }
    return [1, 2].flatMap((worker) => found.get(worker) ?? []);
  }

  return { ...world, threads, measured, eachWorker };
}

export function callsOf(worker: number): RegExp {
  return new RegExp(`^postern_worker_calls_total\\{postern_worker="${worker}"\\}`);
}

/** Resolves with the facts of the first log line of this message, once it is there. */
export async function logged({ log }: Pick<World, 'log'>, message: string): Promise<object> {
  for (;;) {
    const line = log.find((one) => one.message === message);
    if (line !== undefined) return line.facts;
    await new Promise(setImmediate);
  }
}
