// Revocations across workers: each follows the list itself, and is asked to read it whenever this thread finds something new
// in it, so that "in force" means in force in all of them. What one revocation ended is recorded once, added up.
// Must never say that a revocation is in force while a worker has not said so.

import type { Pool } from '../../exchange/pool.ts';
import type { EndedCounts, Enforcer } from '../../revocation/enforcement.ts';

/** Revocations whose counts are kept for their record; the oldest are forgotten first. */
const maxTallies = 10_000;

/** An event of the list, on its way to the audit log. */
type Tell = (name: string, facts: object) => void;

export interface Revoking {
  /** Lets go of what this thread keeps for the workers. */
  readonly enforcer: Enforcer;
  /** Resolves when what the list says is in force in every worker. @throws Error when one of them does not say so in time */
  spread(): Promise<void>;
  tell: Tell;
  /** What a worker ended because of an entry. */
  ended(id: string, counts: EndedCounts): void;
  /** Resolves when all that is told so far is recorded. */
  settled(): Promise<void>;
}

export interface RevokingOptions {
  /** Has every worker read the list. */
  readonly read: () => Promise<void>;
  readonly pools: () => Iterable<Pool>;
  readonly record: Tell;
}

export function createRevoking({ read, pools, record }: RevokingOptions): Revoking {
  const tallies = new Map<string, EndedCounts>();
  let turn: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | undefined;

  /** One reading at a time; whoever asks meanwhile shares the next one. */
  function spread(): Promise<void> {
    waiting ??= turn.then(() => {
      waiting = undefined;
      return read();
    });
    turn = waiting.catch(() => undefined);
    return waiting;
  }

  function inAll(count: (pool: Pool) => number): number {
    return [...pools()].reduce((sum, pool) => sum + count(pool), 0);
  }

  return {
    enforcer: {
      forget: (member) => inAll((pool) => pool.forget(member)),
      forgetIssued: (concerned) => inAll((pool) => pool.forgetIssued(concerned)),
    },
    spread,
    tell(name, facts) {
      if (!('ended' in facts && 'id' in facts)) return record(name, facts);
      // Each worker tells what it ended before it says that it has read the list.
      const recorded = () => {
        const { credentials = 0, handles = 0, calls = 0 } = tallies.get(String(facts.id)) ?? {};
        const own: Partial<EndedCounts> = facts.ended ?? {};
        const kept = Math.max(own.credentials ?? 0, credentials);
        record(name, { ...facts, ended: { credentials: kept, handles, calls } });
      };
      void spread().then(recorded, recorded);
    },
    ended(id, counts) {
      const before = tallies.get(id) ?? { credentials: 0, handles: 0, calls: 0 };
      tallies.delete(id);
      tallies.set(id, {
        // Most are in several workers: the one with the most tells how many there were at least.
        credentials: Math.max(before.credentials, counts.credentials),
        handles: before.handles + counts.handles,
        calls: before.calls + counts.calls,
      });
      const [oldest] = tallies.keys();
      if (tallies.size > maxTallies && oldest !== undefined) tallies.delete(oldest);
    },
    settled: () => turn,
  };
}
