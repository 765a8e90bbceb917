// A worker: one thread that carries calls. Compiles the configuration it is given, listens beside its siblings, and hands
// records, questions for credentials and log lines to the main thread. Must never go on after an error nobody caught: it
// ends, and another takes its place.

import { parentPort, workerData } from 'node:worker_threads';
import { createAudit } from '../../audit/audit.ts';
import { createHandedTrail } from '../../audit/handed.ts';
import { systemClock } from '../../base/ports.ts';
import { Secret } from '../../base/secret.ts';
import { createCustody } from '../../identity/custody.ts';
import type { EndedCounts } from '../../revocation/enforcement.ts';
import { createTelemetry } from '../../telemetry/observe.ts';
import { createPseudonym } from '../../telemetry/pseudonym.ts';
import { version } from '../../version.ts';
import { startCarrier } from '../carrier.ts';
import { compileGate, type Gate } from '../gate.ts';
import { watchWorker } from '../gauges.ts';
import { openRevocations } from '../revocations.ts';
import { createCredentialClerk } from './credential-clerk.ts';
import { readEdition } from './edition.ts';
import { createHandedLog } from './handed-log.ts';
import { withOwnInstance } from './instance.ts';
import type { Asked, Edition, Order, Question, Questions, Report, WorkerStart } from './messages.ts';

if (parentPort === null) throw new Error('this file is run as a worker thread');
const port = parentPort;
const post = (report: Report) => port.postMessage(report);

// Made by member.ts a moment ago.
const start = workerData as WorkerStart;
const { env, edition: first } = start;
const clock = systemClock;
const log = createHandedLog(post);
const clerk = createCredentialClerk(post);
const pseudonym = createPseudonym(new Secret(start.subjects));
const custody = createCustody(clock);
const trail = createHandedTrail({ post: (batch) => post({ kind: 'audit', batch }), clock, log });

const loaded = await readEdition(first, env);
const revocations = await openRevocations({ loaded, clock, log, inForce: start.revoked });
const parts = { custody, sessionKey: start.sessions, revocations };
revocations.recordIn({ event: tellEnded, form: 'omit', pseudonym });
const gate = compileGate(loaded, { clock, log, env }, { ...parts, credentials: clerk.of(first.number) });
const { audit: auditConfig, telemetry: telemetryConfig } = loaded.config;
const audit = createAudit({ audit: auditConfig, log, pseudonym, trail });
const telemetry = createTelemetry({
  ...{ telemetry: telemetryConfig, audit, pseudonym, clock, log, version },
  env: withOwnInstance(env, start.worker),
  issued: (token) => post({ kind: 'issued', token }),
});
const carrier = await startCarrier({
  ...{ gate, custody, telemetry, audit, clock, log },
  outbound: { address: start.address, shared: true },
});
watchWorker(telemetry, { worker: start.worker, carrier, audit });

/** The record of a revocation is the main thread's to make; how much ended here, only this thread knows. */
function tellEnded(_name: string, facts: object): void {
  if (!('ended' in facts && 'id' in facts)) return;
  // As revocations.ts tells it.
  post({ kind: 'ended', id: String(facts.id), counts: facts.ended as EndedCounts });
}

/** Compiled, not yet in force. */
let prepared: { readonly edition: number; readonly gate: Gate } | undefined;

async function prepare({ edition }: { readonly edition: Edition }): Promise<string> {
  const next = compileGate(
    await readEdition(edition, env),
    { clock, log, env },
    { ...parts, credentials: clerk.of(edition.number) },
  );
  await abandon();
  prepared = { edition: edition.number, gate: next };
  return next.permit.version;
}

async function commit({ edition }: { readonly edition: number }): Promise<null> {
  if (prepared?.edition !== edition) throw new Error('that edition was not prepared');
  carrier.take(prepared.gate);
  prepared = undefined;
  return null;
}

async function abandon(): Promise<void> {
  const { gate } = prepared ?? {};
  prepared = undefined;
  await gate?.closeNow();
}

async function stop(): Promise<null> {
  await carrier.close();
  await abandon();
  revocations.close();
  await telemetry.close();
  await audit.close();
  return null;
}

const answers: { readonly [Q in Question]: (asked: Questions[Q]['asked']) => Promise<Questions[Q]['answer']> } = {
  prepare,
  commit,
  readiness: () => carrier.readiness(),
  collect: () => telemetry.collect(),
  revocations: () => revocations.refresh().then(() => null),
  stop,
};

async function answer(asked: Asked): Promise<void> {
  const { kind, id } = asked;
  try {
    // Each kind goes to its own function, which TypeScript does not follow through a union.
    const value = await answers[kind](asked as never);
    post({ kind: 'done', id, value });
  } catch (failure) {
    post({ kind: 'failed', id, problem: failure instanceof Error ? failure.message : 'unknown failure' });
  }
  if (kind === 'stop') port.close();
}

port.on('message', (order: Order) => {
  switch (order.kind) {
    case 'beat':
      post({ kind: 'alive' });
      break;
    case 'abandon':
      void abandon();
      break;
    case 'acknowledged':
      trail.acknowledged(order.acknowledgement);
      break;
    case 'issued':
      telemetry.learn(order.token);
      break;
    case 'answered':
    case 'drop':
    case 'forget':
      clerk.received(order);
      break;
    default:
      void answer(order);
  }
});
post({ kind: 'listening' });
