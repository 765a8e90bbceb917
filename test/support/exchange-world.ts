// A broker in front of a real issuer: Alice's token, an agent's token, one route `openai` by exchange `corp`. A test takes
// this valid world and changes one thing.

import type { Test } from 'tap';
import { createAddressPolicy } from '../../src/base/addresses.ts';
import { Refusal } from '../../src/base/errors.ts';
import type { Send, SendRequest } from '../../src/base/ports.ts';
import type { Problem } from '../../src/base/problem.ts';
import { createSend } from '../../src/base/send.ts';
import type { OpenWorkloadApi } from '../../src/base/spiffe/workload-api.ts';
import type { PermittedCall } from '../../src/call.ts';
import { type Broker, createBroker } from '../../src/exchange/broker.ts';
import type { ArmRoute } from '../../src/exchange/plan.ts';
import { exchangeSchema, sourceSchema } from '../../src/exchange/schema.ts';
import type { SharedCredentials } from '../../src/exchange/shared.ts';
import { accessTokenType } from '../../src/exchange/token-type.ts';
import type { VerifiedToken } from '../../src/principal.ts';
import { type CallStory, permittedCall } from './exchange-call.ts';
import { type MovedClock, stoppedClock } from './exchange-clock.ts';
import { startIssuer, type TestIssuer } from './exchange-issuer.ts';
import { recordingLog } from './log.ts';

export interface Gate {
  readonly broker: Broker;
  readonly problems: readonly Problem[];
  readonly log: ReturnType<typeof recordingLog>;
  /** Every message sent to an issuer. */
  readonly sent: readonly SendRequest[];
}

export interface GateStory {
  /** Entries of `exchanges` as written in YAML; `corp` by default. */
  readonly exchanges?: Record<string, unknown>;
  /** Routes; each completed from `openai`. */
  readonly routes?: readonly Partial<ArmRoute>[];
  /** Entries of `subject_sources` as written in YAML. */
  readonly sources?: Record<string, unknown>;
  readonly cacheEntries?: number;
  readonly send?: Send;
  /** The SPIFFE Workload API; none by default. */
  readonly workload?: OpenWorkloadApi;
  /** Credentials of other gates; none by default. */
  readonly shared?: SharedCredentials;
}

export interface World {
  readonly clock: MovedClock;
  readonly issuer: TestIssuer;
  readonly send: Send;
  readonly alice: VerifiedToken;
  readonly agent: VerifiedToken;
  /** A call of the agent for Alice. */
  call(changes?: Partial<CallStory>): PermittedCall;
  gate(story?: GateStory): Gate;
}

export const agentId = 'spiffe://corp/ns/research/sa/agent';

export const openai: ArmRoute = {
  id: 'openai',
  path: ['routes', 0],
  exchange: 'corp',
  audience: 'https://api.openai.com',
  resource: [],
  requestedTokenType: accessTokenType,
  verify: 'strict',
  tokenTtlMs: undefined,
  placement: { kind: 'header', name: 'authorization', prefix: 'Bearer ' },
};

export async function startWorld(t: Test): Promise<World> {
  const clock = stoppedClock();
  const issuer = await startIssuer(clock);
  const sender = createSend({ addresses: createAddressPolicy() });
  t.teardown(async () => {
    await issuer.close();
    await sender.close();
  });
  const alice = await issuer.mint('alice');
  const agent = await issuer.mint(agentId, { kind: 'workload' });

  return {
    clock,
    issuer,
    send: sender.send,
    alice,
    agent,
    call: (changes = {}) => permittedCall({ subject: alice, actor: agent, ...changes }),
    gate(story = {}) {
      const problems: Problem[] = [];
      const log = recordingLog();
      const sent: SendRequest[] = [];
      const exchanges = story.exchanges ?? { corp: corp(issuer) };
      const send = story.send ?? sender.send;
      const broker = createBroker({
        exchanges: new Map(Object.entries(exchanges).map(([name, entry]) => [name, exchangeSchema.parse(entry)])),
        sources: new Map(Object.entries(story.sources ?? {}).map(([name, entry]) => [name, sourceSchema.parse(entry)])),
        routes: (story.routes ?? [{}]).map((route) => ({ ...openai, ...route })),
        clock,
        log,
        report: (problem) => problems.push(problem),
        workload: story.workload ?? (() => undefined),
        send(request) {
          sent.push(request);
          return send(request);
        },
        ...(story.cacheEntries === undefined ? {} : { cacheEntries: story.cacheEntries }),
        ...(story.shared === undefined ? {} : { shared: story.shared }),
      });
      return { broker, problems, log, sent };
    },
  };
}

/** The exchange `corp` as written in YAML. */
export function corp(issuer: TestIssuer, changes: Record<string, unknown> = {}): Record<string, unknown> {
  const client = { id: issuer.client.id, auth: 'client_secret_basic', secret: issuer.client.secret };
  return { grant: 'token_exchange', issuer: issuer.url, client, ...changes };
}

/** The refusal a promise rejects with. */
export async function refusal(promise: PromiseLike<unknown>): Promise<Refusal> {
  try {
    await promise;
  } catch (failure) {
    if (failure instanceof Refusal) return failure;
    throw failure;
  }
  throw new TypeError('was not refused');
}
