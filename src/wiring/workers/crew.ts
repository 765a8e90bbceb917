// The crew: worker threads that carry the calls, all on one port, and this thread, which carries none. It keeps what they have
// in common (credentials, the audit log, the configuration) and replaces a worker that ends by itself or hangs.
// Must never leave two workers with different configurations, nor start a second gate where one already listens.

import { createTakeBatch } from '../../audit/received.ts';
import { createServer } from '../../base/node-http.ts';
import { systemTimers } from '../../base/ports.ts';
import { type ListenAddress, listen } from '../../listeners/address.ts';
import type { Carriers, CarriersOptions } from '../carriers.ts';
import type { Gate } from '../gate.ts';
import type { Manuscript } from '../manuscript.ts';
import { createCredentialDesk } from './credential-desk.ts';
import { writeEdition } from './edition.ts';
import { createMeasured } from './measured.ts';
import { type Member, startMember } from './member.ts';
import type { Question, Questions } from './messages.ts';
import { mergeReadiness } from './readiness.ts';
import { createReplacing } from './replacing.ts';
import { createRevoking } from './revoking.ts';

/** Longest wait for a look at a worker, in milliseconds: a probe or a scrape must not hang with it. */
const lookMs = 2_000;

/** Longest wait for a worker to say whether it is ready, in milliseconds: it may be asking issuers, which have their own time. */
const readyMs = 12_000;

/** Longest time to compile or to take another configuration, in milliseconds. */
const turnoverMs = 30_000;

/** Beyond the time calls have to end, in milliseconds: for spans and records to be handed over. */
const closingMs = 8_000;

export interface CrewOptions extends CarriersOptions {
  readonly count: number;
}

/** @throws bind errors as Node gives them */
export async function startCrew(options: CrewOptions): Promise<Carriers> {
  const { count, clock, log, env, keys, telemetry, timers = systemTimers } = options;
  const { listen: listening } = options.gate.config;
  const desk = createCredentialDesk(clock);
  const takeBatch = createTakeBatch(options.audit);
  const members = new Map<number, Member>();
  const measured = createMeasured();
  const replacing = createReplacing({ clock, log, start });
  const revoking = createRevoking({ read: readLists, pools: desk.pools, record: telemetry.event });
  let gate = options.gate;
  let { manuscript } = options;
  /** Of the configuration in force, and of the last that was tried. */
  let edition = 1;
  let editions = 1;
  let address: ListenAddress = listening.outbound;

  async function start(worker: number): Promise<void> {
    const { subjects, sessions } = keys;
    const member = await startMember({
      start: {
        ...{ worker, edition: writeEdition(manuscript, edition), env: { ...env }, address },
        ...{ subjects: subjects.reveal(), sessions, revoked: gate.revocations?.entries() },
      },
      ...{ desk, takeBatch, log, timers, ended: revoking.ended },
      tellOthers(order) {
        for (const other of members.values()) if (other.worker !== worker) other.post(order);
      },
    });
    members.set(worker, member);
    void member.ended.then((failure) => lost(member, failure));
    // Another configuration came into force while it started.
    if (member.edition !== edition) await member.terminate();
  }

  function lost({ worker }: Member, failure: Error | undefined): void {
    members.delete(worker);
    measured.ended(worker);
    replacing.ended(worker, failure);
  }

  /** One question to all of them: settled for each that is there. */
  async function askAll<Q extends Question>(kind: Q, asked: Questions[Q]['asked'], timeoutMs: number) {
    const all = [...members.values()];
    const outcomes = await Promise.allSettled(all.map((member) => member.ask(kind, asked, timeoutMs)));
    return all.flatMap((member, at) => {
      const outcome = outcomes[at];
      return outcome === undefined ? [] : [{ member, outcome }];
    });
  }

  async function readLists(): Promise<void> {
    const unread = (await askAll('revocations', {}, lookMs)).find(({ outcome }) => outcome.status === 'rejected');
    if (unread !== undefined) throw new Error(`worker ${unread.member.worker} has not read the list of revocations`);
  }

  async function take(nextManuscript: Manuscript, next: Gate): Promise<void> {
    editions += 1;
    const candidate = editions;
    for (const { post } of members.values()) desk.join(post, candidate);
    const prepared = await askAll('prepare', { edition: writeEdition(nextManuscript, candidate) }, turnoverMs);
    const problems = prepared.flatMap(({ member: { worker }, outcome }) => {
      if (outcome.status === 'rejected') return [`worker ${worker}: ${messageOf(outcome.reason)}`];
      return outcome.value === next.permit.version ? [] : [`worker ${worker} read other presets`];
    });
    if (problems.length > 0) {
      for (const { member } of prepared) {
        member.post({ kind: 'abandon', edition: candidate });
        desk.leave(member.post, candidate);
      }
      await next.closeNow();
      throw new Error(`not all workers can use the configuration: ${problems.join('; ')}`);
    }
    manuscript = nextManuscript;
    edition = candidate;
    for (const { member, outcome } of await askAll('commit', { edition }, turnoverMs)) {
      if (outcome.status === 'rejected') await member.terminate(); // who takes its place begins with it
    }
    const old = gate;
    gate = next;
    await old.closeNow();
  }

  async function readiness() {
    const looks = await askAll('readiness', {}, readyMs);
    const states = looks.map(({ member: { worker }, outcome }) => [worker, settled(outcome)] as const);
    const all = Array.from({ length: count }, (_, at) => [at + 1, undefined] as const);
    return mergeReadiness(new Map([...all, ...states]));
  }

  async function prometheus(): Promise<string> {
    for (const { member, outcome } of await askAll('collect', {}, lookMs)) {
      if (outcome.status === 'fulfilled') measured.saw(member.worker, outcome.value);
    }
    return telemetry.prometheus(measured.all());
  }

  async function close(): Promise<void> {
    await replacing.close();
    const stopped = await askAll('stop', {}, listening.drain_timeout + closingMs);
    for (const { member, outcome } of stopped) {
      if (outcome.status === 'rejected') log.warn({ worker: member.worker }, 'a worker did not stop in order');
      await member.terminate();
    }
    await gate.closeNow();
  }

  await using starting = new AsyncDisposableStack();
  starting.defer(close);
  await using reserved = await reserve(address);
  ({ address } = reserved);
  const started = await Promise.allSettled(Array.from({ length: count }, (_, at) => start(at + 1)));
  for (const outcome of started) if (outcome.status === 'rejected') throw outcome.reason;

  const detach = gate.revocations?.attach(revoking.enforcer);
  starting.defer(async () => {
    detach?.();
    await revoking.settled();
  });
  telemetry.watch('workers', () => [{ value: members.size, labels: [] }]);
  telemetry.watch('workerEnds', () => [{ value: replacing.ends(), labels: [] }]);
  const kept = () => [...desk.pools()].reduce((sum, pool) => sum + pool.size(), 0);
  telemetry.watch('cacheEntries', () => [{ value: kept(), labels: [] }]);

  const running = starting.move();
  return {
    ...{ count, readiness, take, prometheus },
    ...{ revoked: revoking.spread, tell: revoking.tell },
    outboundUrl: reserved.url,
    inboundUrl: undefined,
    close: () => running.disposeAsync(),
  };
}

/**
 * Makes sure that nobody listens there: the workers' sockets could be shared with those of another gate, which would then get
 * a part of the calls. Port 0 becomes a port that is held until the workers have it.
 */
async function reserve(
  address: ListenAddress,
): Promise<AsyncDisposable & { readonly address: ListenAddress; readonly url: string }> {
  const server = createServer();
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  const anyPort = address.kind === 'tcp' && address.port === 0;
  const url = await listen(server, address, anyPort);
  if (!anyPort) await close();
  return {
    url,
    address: anyPort ? { ...address, port: Number(new URL(url).port) } : address,
    [Symbol.asyncDispose]: async () => (anyPort ? close() : undefined),
  };
}

function settled<T>(outcome: PromiseSettledResult<T>): T | undefined {
  return outcome.status === 'fulfilled' ? outcome.value : undefined;
}

function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : 'unknown failure';
}
