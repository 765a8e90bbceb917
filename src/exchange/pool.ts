// The credentials of all workers of one gate, in the thread that carries no calls: keeps what one of them obtained for the
// others, and of all that want the same credential at one time sends one to the issuer. Holds to the rules of the cache and
// of single flight; a worker that dies, or does not come back in time, gives its turn to the next.

import { Refusal } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { CredentialFacts } from '../credential.ts';
import { createCredentialCache, defaultCacheEntries, type Member } from './cache.ts';
import { createFailures } from './failures.ts';
import {
  type Answer,
  type Landing,
  packObtained,
  packRefusal,
  unpackObtained,
  unpackRefusal,
  type Want,
} from './handover.ts';
import type { Told, Wanted } from './shared.ts';

/** Longest time one worker may take to obtain a credential, in ms: as long as its own calls wait for it. */
const longestTurn = 20_000;

/** Workers' questions that wait at one time; stops a hanging issuer from filling memory. */
const maxWaiting = 16_384;

/** One worker. */
export interface Holder extends Told {
  answer(id: number, answer: Answer): void;
}

export interface Pool {
  want(holder: Holder, want: Want): void;
  landed(holder: Holder, landing: Landing): void;
  /** A party was revoked, as this worker was told; undefined: as this thread was. */
  forget(member: Member, holder?: Holder): number;
  /** The same for credentials by what can be told of them. @returns how many were kept here */
  forgetIssued(concerned: (facts: CredentialFacts) => boolean): number;
  join(holder: Holder): void;
  /** It has ended: what it was to obtain, the next one does. The last to leave takes the credentials with it. */
  leave(holder: Holder): void;
  /** Credentials kept. */
  size(): number;
}

interface Waiter {
  readonly holder: Holder;
  readonly id: number;
}

/** Somebody's turn at the issuer. */
interface Turn extends Waiter {
  readonly wanted: Wanted;
  readonly era: number;
  readonly waiters: Waiter[];
  readonly timer: NodeJS.Timeout;
}

export interface PoolOptions {
  readonly clock: Clock;
  readonly max?: number;
  /** In ms. */
  readonly turnMs?: number;
}

export function createPool({ clock, max = defaultCacheEntries, turnMs = longestTurn }: PoolOptions): Pool {
  const cache = createCredentialCache({ clock, max });
  const failures = createFailures(clock);
  const holders = new Set<Holder>();
  const turns = new Map<string, Turn>();
  let waiting = 0;

  function begin({ holder, id }: Waiter, wanted: Wanted, waiters: Waiter[]): void {
    const timer = setTimeout(() => pass(wanted.key), turnMs);
    timer.unref();
    turns.set(wanted.key, { holder, id, wanted, era: cache.era(), waiters, timer });
    holder.answer(id, { kind: 'ask' });
  }

  /** Takes a turn away, and gives it to the next who waits. */
  function pass(key: string): void {
    const turn = end(key);
    const [next, ...others] = turn?.waiters ?? [];
    if (turn === undefined || next === undefined) return;
    waiting -= 1;
    begin(next, turn.wanted, others);
  }

  function end(key: string): Turn | undefined {
    const turn = turns.get(key);
    clearTimeout(turn?.timer);
    turns.delete(key);
    return turn;
  }

  function tellWaiters({ waiters }: Turn, answer: Answer): void {
    waiting -= waiters.length;
    for (const { holder, id } of waiters) holder.answer(id, answer);
  }

  return {
    want(holder, { id, wanted }) {
      const { key, unlike } = wanted;
      const kept = cache.get(key)?.obtained;
      if (kept !== undefined && kept.facts.fingerprint !== unlike) {
        holder.answer(id, { kind: 'obtained', obtained: packObtained(kept), from: 'hit' });
        return;
      }
      const failed = failures.recall(key) ?? (waiting >= maxWaiting ? overloaded() : undefined);
      const turn = turns.get(key);
      if (failed !== undefined) holder.answer(id, { kind: 'refused', refusal: packRefusal(failed) });
      else if (turn === undefined) begin({ holder, id }, wanted, []);
      else {
        waiting += 1;
        turn.waiters.push({ holder, id });
      }
    },
    landed(holder, { id, key, outcome }) {
      const turn = turns.get(key);
      if (turn?.holder !== holder || turn.id !== id) return; // its turn was over
      end(key);
      if (outcome.kind === 'refused') {
        failures.remember(key, unpackRefusal(outcome.refusal));
        tellWaiters(turn, outcome);
        return;
      }
      const { members, unlike } = turn.wanted;
      cache.put(key, { obtained: unpackObtained(outcome.obtained), members }, turn.era);
      tellWaiters(turn, { ...outcome, from: 'coalesced' });
      if (unlike === undefined) return;
      for (const other of holders) if (other !== holder) other.drop(key, unlike);
    },
    forget(member, holder) {
      for (const other of holders) if (other !== holder) other.forget(member);
      return cache.forget(member);
    },
    forgetIssued(concerned) {
      // A worker that read the list sooner may have been given one of these since.
      for (const [key, { facts }] of cache.entries()) {
        if (concerned(facts)) for (const holder of holders) holder.drop(key, facts.fingerprint);
      }
      return cache.forgetIssued(concerned);
    },
    join: (holder) => void holders.add(holder),
    leave(holder) {
      holders.delete(holder);
      for (const [key, turn] of turns) {
        const left = turn.waiters.filter((waiter) => waiter.holder === holder);
        for (const waiter of left) turn.waiters.splice(turn.waiters.indexOf(waiter), 1);
        waiting -= left.length;
        if (turn.holder === holder) pass(key);
      }
      if (holders.size === 0) cache.clear();
    },
    size: cache.size,
  };
}

function overloaded(): Refusal {
  return new Refusal('exchange_overloaded', { detail: 'too many credentials are wanted at once', retryAfter: 1 });
}
