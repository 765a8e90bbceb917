// The Workload API as the gate sees it: an agent on a socket of its own, a clock that stands still, timers run by hand.

import { join } from 'node:path';
import { generateKeyPair, SignJWT } from 'jose';
import type { Test } from 'tap';
import type { Problem } from '../../src/base/problem.ts';
import { WorkloadFailure } from '../../src/base/spiffe/failure.ts';
import { createWorkloadApis, type WorkloadApi, type WorkloadApis } from '../../src/base/spiffe/workload-api.ts';
import { type MovedClock, stoppedClock } from './exchange-clock.ts';
import { type AgentOptions, type SpiffeAgent, startSpiffeAgent } from './exchange-vendors/spiffe.ts';
import { recordingLog } from './log.ts';
import { socketFolder } from './socket-folder.ts';
import { type HeldTimers, heldTimers } from './timers.ts';

export interface SpiffeWorld {
  readonly agent: SpiffeAgent;
  readonly api: WorkloadApi;
  readonly apis: WorkloadApis;
  readonly clock: MovedClock;
  readonly timers: HeldTimers;
  readonly log: ReturnType<typeof recordingLog>;
  readonly problems: readonly Problem[];
}

export async function spiffeWorld(
  t: Test,
  changes: Partial<AgentOptions> & { clock?: MovedClock } = {},
): Promise<SpiffeWorld> {
  const clock = changes.clock ?? stoppedClock();
  const mint = await jwtSvids(clock);
  const agent = await startSpiffeAgent({ path: join(socketFolder(t), 'agent.sock'), mint, ...changes });
  const timers = heldTimers();
  const log = recordingLog();
  const problems: Problem[] = [];
  const apis = createWorkloadApis({ env: {}, clock, timers, log });
  const api = apis.open(agent.socket, (problem) => problems.push(problem));
  if (api === undefined) throw new TypeError('no Workload API');
  t.teardown(async () => {
    apis.close();
    await agent.stop();
  });
  return { agent, api, apis, clock, timers, log, problems };
}

/** JWT-SVIDs of five minutes, as SPIRE issues them by default. */
export async function jwtSvids(clock: MovedClock, changes: object = {}): Promise<AgentOptions['mint']> {
  return (await trustDomain(clock, changes)).mint;
}

/** A trust domain: makes JWT-SVIDs, and publishes the key they are verified with. */
export async function trustDomain(clock: MovedClock, changes: object = {}) {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  let serial = 0;
  const mint: AgentOptions['mint'] = (sub, audience) => {
    serial += 1;
    const now = Math.floor(clock.now() / 1_000);
    const claims = { sub, aud: [...audience], iat: now, exp: now + 300, serial, ...changes };
    return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(privateKey);
  };
  return { mint, publicKey };
}

/** The failure a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<WorkloadFailure> {
  try {
    await promise;
  } catch (failure) {
    if (failure instanceof WorkloadFailure) return failure;
    throw failure;
  }
  throw new TypeError('did not fail');
}
