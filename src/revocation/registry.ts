// What is revoked now, asked of every call before policy is, and again at the last moment before it goes out. When an entry
// comes, whoever holds something for its parties lets go of it: cached credentials, handles, live calls.
// An entry once in force ends by a line that lifts it or by its own time, never because the list lost it.

import { setImmediate } from 'node:timers/promises';
import { type Reason, Refusal } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { KnownCall } from '../call.ts';
import { createEnforcement, type Enforcer, type Revoked } from './enforcement.ts';
import type { Entry, Kind } from './entry.ts';
import { createMatcher } from './matcher.ts';
import type { Reading } from './reading.ts';

/** Entries enforced and told of at a stretch: calls are not held up, and an audit log keeps pace. */
const entriesAtOnce = 500;

export interface RegistryStats {
  readonly entries: ReadonlyMap<Kind, number>;
  /** Since the start. */
  readonly callsEnded: number;
  /** In force here, although the list does not have them any more. */
  readonly kept: number;
}

export interface Registry {
  /** Why this call may not go on, as far as it came; undefined for all the others. */
  refusalOf(call: KnownCall): Refusal | undefined;
  /** Somebody who holds things that end with a revocation. @returns how to take it away again */
  attach(enforcer: Enforcer): () => void;
  /**
   * Another reading of the list. All of its entries are in force when this returns its promise.
   * @param tell is called for each entry that came, once its consequences are drawn, and for each that was lifted
   * @throws AggregateError, once all is done that can be, when somebody attached failed
   */
  apply(reading: Reading, tell: Tell): Promise<void>;
  entries(): readonly Entry[];
  stats(): RegistryStats;
}

export interface Tell {
  revoked(revoked: Revoked): void;
  lifted(entry: Entry): void;
}

const reasons: Record<Kind, Reason> = {
  ...{ subject: 'subject_revoked', actor: 'actor_revoked', member: 'member_revoked' },
  ...{ token: 'token_revoked', root: 'delegation_revoked', route: 'route_revoked' },
};

export function createRegistry(clock: Clock): Registry {
  const now = () => clock.now();
  const inForce = new Map<string, Entry>();
  const matcher = createMatcher(now);
  const enforcement = createEnforcement(now, refusalFor);
  let kept = 0;

  function refusalOf(call: KnownCall): Refusal | undefined {
    if (matcher.size === 0) return undefined;
    const entry = matcher.ofCall(call);
    return entry && refusalFor(entry);
  }

  function add(entry: Entry): void {
    inForce.set(entry.id, entry);
    matcher.add(entry);
  }

  function remove(entry: Entry): void {
    inForce.delete(entry.id);
    matcher.remove(entry);
  }

  /** Entries that are not in force any more, by their own word or by another line's. */
  function leave({ lifted, ...reading }: Reading): readonly Entry[] {
    const gone: Entry[] = [];
    kept = 0;
    for (const entry of inForce.values()) {
      if (lifted.has(entry.id)) gone.push(entry);
      else if (hasEnded(entry)) remove(entry);
      else if (!reading.inForce.has(entry.id)) kept += 1;
    }
    for (const entry of gone) remove(entry);
    return gone;
  }

  const hasEnded = ({ until }: Entry) => until !== undefined && until <= now();

  /** An id whose line says something else now: what it says now counts, and what it said is told as lifted. */
  function isNew(entry: Entry, replaced: Entry[]): boolean {
    const before = inForce.get(entry.id);
    if (before === undefined) return !hasEnded(entry);
    if (before === entry || JSON.stringify(before) === JSON.stringify(entry)) return false;
    remove(before);
    replaced.push(before);
    return !hasEnded(entry);
  }

  return {
    refusalOf,
    attach: enforcement.attach,
    async apply(reading, tell) {
      const lifted = [...leave(reading)];
      const came: Entry[] = [];
      for (const entry of reading.inForce.values()) if (isNew(entry, lifted)) came.push(entry);
      for (const entry of came) add(entry);
      const failed: unknown[] = [];
      for (const entry of lifted) collect(failed, () => tell.lifted(entry));
      for (let at = 0; at < came.length; at += entriesAtOnce) {
        if (at > 0) await setImmediate();
        const { revoked, failures } = enforcement.enforce(came.slice(at, at + entriesAtOnce));
        failed.push(...failures);
        for (const one of revoked) collect(failed, () => tell.revoked(one));
      }
      if (failed.length > 0) throw new AggregateError(failed, 'a revocation was not carried out everywhere');
    },
    entries: () => [...inForce.values()].filter((entry) => !hasEnded(entry)),
    stats() {
      const entries = new Map<Kind, number>();
      for (const entry of inForce.values()) {
        if (!hasEnded(entry)) entries.set(entry.kind, (entries.get(entry.kind) ?? 0) + 1);
      }
      return { entries, callsEnded: enforcement.callsEnded(), kept };
    },
  };
}

/** What cannot be told of one entry keeps none of the others from being carried out. */
function collect(failed: unknown[], work: () => void): void {
  try {
    work();
  } catch (failure) {
    failed.push(failure);
  }
}

/** Tokens of before an instant are refused as tokens: with a new one the same party may go on. */
function refusalFor(entry: Entry): Refusal {
  const byAge = 'party' in entry && entry.issuedBefore !== undefined;
  const detail = `${byAge ? 'issued too early, ' : ''}revocation ${entry.id}`;
  return new Refusal(byAge ? 'token_revoked' : reasons[entry.kind], { detail });
}
