// A world for identity's stories: one real issuer, real HTTP to it, real CEL, a clock that stands still, and calls as they
// arrive from an agent. Change what the story needs.

import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Test } from 'tap';
import { createAddressPolicy } from '../../src/base/addresses.ts';
import type { Awaitable } from '../../src/base/awaitable.ts';
import { Refusal } from '../../src/base/errors.ts';
import type { Send } from '../../src/base/ports.ts';
import type { Problem } from '../../src/base/problem.ts';
import { createSend } from '../../src/base/send.ts';
import type { OpenWorkloadApi } from '../../src/base/spiffe/workload-api.ts';
import type { Observation, ObservedCall, StrippedCall } from '../../src/call.ts';
import { type Custody, createCustody } from '../../src/identity/custody.ts';
import { createIdentify, type IdentifyOptions, type Identity } from '../../src/identity/identify.ts';
import { type IdentityConfig, identitySchema, trustSchema } from '../../src/identity/schema.ts';
import { createStrip } from '../../src/identity/strip.ts';
import { compileClaimsRule } from '../../src/policy/expression.ts';
import { start, startIssuer, startSeconds, type TestIssuer } from './identity-issuer.ts';
import { type LogLine, recordingLog } from './log.ts';

export interface WorldChanges {
  /** Changes to the one trust entry, or all entries, given the issuer. */
  readonly trust?: (issuer: TestIssuer) => object | readonly object[];
  readonly identity?: Partial<IdentityConfig>;
  /** What the own token file holds. */
  readonly readFile?: (path: string) => Promise<string>;
  readonly issuer?: TestIssuer;
  readonly send?: (send: Send) => Send;
  /** The SPIFFE Workload API; none by default. */
  readonly workload?: OpenWorkloadApi;
  /** Who may call the agent behind the gate, and which calls take their subject from a trace. */
  readonly inbound?: Pick<IdentifyOptions, 'inbound' | 'subjectTrace'>;
}

export interface World {
  readonly issuer: TestIssuer;
  readonly identity: Identity;
  /** What came in for the agent, where the story has a way in. */
  readonly custody: Custody;
  readonly clock: { now(): number; advance(seconds: number): void };
  readonly problems: Problem[];
  readonly logged: LogLine[];
}

export const agentSub = 'spiffe://corp/ns/research/sa/reader';

/** What tells the workloads of the test issuer from its users. */
export const workloadWhen = 'claims.sub.startsWith("spiffe://") || has(claims.client_id)';

export async function identityWorld(t: Test, changes: WorldChanges = {}): Promise<World> {
  const issuer = changes.issuer ?? (await startIssuer(t));
  const entry = {
    name: 'corp',
    issuer: issuer.url,
    audiences: ['postern'],
    principal: 'any',
    workload_when: workloadWhen,
  };
  const given = changes.trust?.(issuer) ?? {};
  const entries = Array.isArray(given) ? given : [{ ...entry, ...given }];
  const problems: Problem[] = [];
  const log = recordingLog();
  const send = loopbackSend(t);
  const clock = clockAt(start);
  const custody = createCustody(clock);

  const identity = createIdentify({
    ...(changes.inbound === undefined ? {} : { inbound: { on_behalf_of: 'optional' }, ...changes.inbound, custody }),
    trust: entries.map((one) => trustSchema.parse(one)),
    identity: identitySchema.parse(changes.identity ?? {}),
    compileRule: compileClaimsRule,
    clock,
    send: changes.send?.(send) ?? send,
    log,
    workload: changes.workload ?? (() => undefined),
    report: (problem) => problems.push(problem),
    ...(changes.readFile === undefined ? {} : { readFile: changes.readFile }),
  });
  t.teardown(() => identity.close());
  return { issuer, identity, custody, clock, problems, logged: log.lines };
}

/** The world of a sidecar that callers reach through the inbound listener; its own identity is {@link agentSub}. */
export async function sidecarWorld(t: Test, changes: WorldChanges = {}): Promise<World> {
  let own = '';
  const world = await identityWorld(t, {
    identity: { mode: 'sidecar', token_file: '/token' },
    readFile: async () => own,
    inbound: {},
    ...changes,
  });
  own = await world.issuer.mint({ sub: agentSub, jti: 'own', exp: startSeconds + 86_400 });
  return world;
}

export function clockAt(milliseconds: number): World['clock'] {
  let at = milliseconds;
  return {
    now: () => at,
    advance(seconds) {
      at += seconds * 1_000;
    },
  };
}

/** The real sender, allowed to reach this machine. */
export function loopbackSend(t: Test): Send {
  const sender = createSend({ addresses: createAddressPolicy({ allow: ['127.0.0.0/8'] }) });
  t.teardown(() => sender.close());
  return sender.send;
}

/** A call as it came in. */
export function arrive(headers: readonly string[], target = '/openai/v1/models', spiffeId?: string): ObservedCall {
  const request = new IncomingMessage(new Socket());
  return {
    id: 'call-1',
    at: start,
    method: 'POST',
    target,
    rawHeaders: headers,
    peer: { address: '127.0.0.1', port: 50_000, spiffeId },
    transport: { kind: 'http', request, response: new ServerResponse(request) },
    observation: silent,
  };
}

const strip = createStrip();

/** A call after `strip`, with these header lines. */
export function stripped(headers: readonly string[], target?: string, spiffeId?: string): StrippedCall {
  return strip(arrive(headers, target, spiffeId));
}

/** A call with the caller's token where an SDK puts it, and the user's beside it. */
export function presenting(own: string | undefined, subject?: string): StrippedCall {
  return stripped([
    ...(own === undefined ? [] : ['Authorization', `Bearer ${own}`]),
    ...(subject === undefined ? [] : ['Postern-Subject-Token', subject]),
  ]);
}

/** The reason a call or token is refused for, or what happened instead. */
export async function reasonOf(work: Awaitable<object> | (() => unknown)): Promise<string> {
  try {
    await (typeof work === 'function' ? work() : work);
    return 'not refused';
  } catch (failure) {
    return failure instanceof Refusal ? failure.reason : `not a refusal: ${String(failure)}`;
  }
}

const span = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 };

const silent: Observation = {
  span,
  exchangeStarted: () => ({ span, traceparent: '', asked: () => {}, succeeded: () => {}, failed: () => {} }),
  attemptStarted: () => ({ traceparent: '', responded: () => {}, passed: () => {}, ended: () => {} }),
  replied: () => {},
  refused: () => {},
};
