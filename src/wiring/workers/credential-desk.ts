// The main thread's side of the credentials that all workers share: a pool for each edition of the configuration that a worker
// still has calls of.

import type { Clock } from '../../base/ports.ts';
import { createPool, type Holder, type Pool } from '../../exchange/pool.ts';
import type { Order, Report } from './messages.ts';

export type CredentialReport = Extract<Report, { kind: 'want' | 'landed' | 'forget' | 'closed' }>;

type Post = (order: Order) => void;

export interface CredentialDesk {
  /** A worker compiles this edition: what happens to its credentials elsewhere is told to it. */
  join(worker: Post, edition: number): void;
  /** It does not use this edition after all. */
  leave(worker: Post, edition: number): void;
  received(worker: Post, report: CredentialReport): void;
  /** A worker has ended. */
  left(worker: Post): void;
  pools(): Iterable<Pool>;
}

export function createCredentialDesk(clock: Clock): CredentialDesk {
  const pools = new Map<number, Pool>();
  const workers = new Map<Post, Map<number, Holder>>();

  function poolOf(edition: number): Pool {
    const pool = pools.get(edition) ?? createPool({ clock });
    pools.set(edition, pool);
    return pool;
  }

  function leave(worker: Post, edition: number): void {
    const holders = workers.get(worker);
    const holder = holders?.get(edition);
    if (holder === undefined) return;
    holders?.delete(edition);
    pools.get(edition)?.leave(holder);
    if ([...workers.values()].every((others) => !others.has(edition))) pools.delete(edition);
  }

  return {
    join(worker, edition) {
      const holder: Holder = {
        answer: (id, answer) => worker({ kind: 'answered', edition, id, answer }),
        drop: (key, fingerprint) => worker({ kind: 'drop', edition, key, fingerprint }),
        forget: (member) => worker({ kind: 'forget', edition, member }),
      };
      const holders = workers.get(worker) ?? new Map<number, Holder>();
      workers.set(worker, holders.set(edition, holder));
      poolOf(edition).join(holder);
    },
    leave,
    received(worker, report) {
      const { edition } = report;
      const holder = workers.get(worker)?.get(edition);
      const pool = pools.get(edition);
      if (holder === undefined || pool === undefined) return;
      if (report.kind === 'want') pool.want(holder, report.want);
      else if (report.kind === 'landed') pool.landed(holder, report.landing);
      else if (report.kind === 'forget') pool.forget(report.member, holder);
      else leave(worker, edition);
    },
    left(worker) {
      for (const edition of [...(workers.get(worker)?.keys() ?? [])]) leave(worker, edition);
      workers.delete(worker);
    },
    pools: () => pools.values(),
  };
}
