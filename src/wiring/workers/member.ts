// One worker of the crew, as the main thread has it: what it reports is carried out here, and what it is asked has a time limit.
// Must never trust that it answers: a thread can hang or die at any moment.

import type { TakeBatch } from '../../audit/received.ts';
import type { Log, Timers } from '../../base/ports.ts';
import { startThread } from '../../workers/thread.ts';
import type { CredentialDesk } from './credential-desk.ts';
import { startHeartbeat } from './heartbeat.ts';
import type { Asked, Order, Question, Questions, Report, WorkerStart } from './messages.ts';
import type { Revoking } from './revoking.ts';

export interface Member {
  readonly worker: number;
  /** Of the configuration it began with. */
  readonly edition: number;
  /** @throws Error when it does not answer in time, or says that it cannot */
  ask<Q extends Question>(kind: Q, asked: Questions[Q]['asked'], timeoutMs: number): Promise<Questions[Q]['answer']>;
  post(order: Order): void;
  /** Resolves when it has ended: with why, where it was an error. */
  readonly ended: Promise<Error | undefined>;
  terminate(): Promise<void>;
}

export interface MemberOptions {
  readonly start: WorkerStart;
  readonly desk: CredentialDesk;
  readonly takeBatch: TakeBatch;
  readonly ended: Revoking['ended'];
  /** Tells the other workers. */
  readonly tellOthers: (order: Order) => void;
  readonly log: Log;
  readonly timers: Timers;
}

/** Longest time from a worker's start until it listens, in milliseconds: one that hangs there must not keep its place for ever. */
export const listensWithinMs = 120_000;

/** As this file runs, unbuilt or built. */
const entry = new URL(import.meta.url.endsWith('.ts') ? './entry.ts' : './entry.js', import.meta.url);

/** Resolves when it listens. @throws what ended it before that */
export async function startMember({ start, desk, takeBatch, log, timers, ...told }: MemberOptions): Promise<Member> {
  const { worker } = start;
  const listening = Promise.withResolvers<void>();
  const thread = startThread<Order, Report>({ entry, name: `worker ${worker}`, start, reported });
  const { post, ended, terminate } = thread;
  desk.join(post, start.edition.number);
  const cancelLimit = timers.after(listensWithinMs, () =>
    endHung('worker does not begin to listen and is ended', listensWithinMs),
  );
  let heartbeat: ReturnType<typeof startHeartbeat> | undefined;

  function endHung(message: string, silentMs: number): void {
    log.error({ worker, silent_ms: silentMs }, message);
    void terminate();
  }

  function reported(report: Report): void {
    switch (report.kind) {
      case 'listening':
        listening.resolve();
        break;
      case 'alive':
        heartbeat?.answered();
        break;
      case 'done':
        thread.answered(report.id, report.value);
        break;
      case 'failed':
        thread.answered(report.id, undefined, report.problem);
        break;
      case 'log':
        log[report.level]({ ...report.facts, worker }, report.message);
        break;
      case 'issued':
        told.tellOthers(report);
        break;
      case 'ended':
        told.ended(report.id, report.counts);
        break;
      case 'audit':
        void takeBatch(report.batch).then((acknowledgement) => post({ kind: 'acknowledged', acknowledgement }));
        break;
      default:
        desk.received(post, report);
    }
  }

  void ended.then((failure) => {
    cancelLimit();
    heartbeat?.stop();
    desk.left(post);
    listening.reject(failure ?? new Error('the worker ended before it listened'));
  });

  await listening.promise;
  cancelLimit();
  heartbeat = startHeartbeat({
    timers,
    beat: () => post({ kind: 'beat' }),
    hung: (silentMs) => endHung('worker does not answer and is ended', silentMs),
  });
  return {
    worker,
    edition: start.edition.number,
    post,
    ended,
    terminate,
    async ask<Q extends Question>(kind: Q, asked: Questions[Q]['asked'], timeoutMs: number) {
      // Of the kind that was asked: both sides are written against messages.ts.
      const value = await thread.ask((id) => ({ kind, id, ...asked }) as unknown as Asked, timeoutMs);
      return value as Questions[Q]['answer'];
    },
  };
}
