// A credential for one hop: from the cache, from a flight under way, or by asking. Refreshes ahead on calls that policy has
// just permitted, so that a refresh re-asks policy by itself. A failed refresh never takes a valid credential away, and an
// issuer that is down is no reason to use one that is not valid any more.

import { asRefusal } from '../base/errors.ts';
import type { Clock, Log } from '../base/ports.ts';
import type { CacheResult, PermittedCall } from '../call.ts';
import type { CredentialCache } from './cache.ts';
import type { CompiledExchange, CompiledLane } from './compile.ts';
import type { Failures } from './failures.ts';
import type { Life } from './life.ts';
import type { Obtained } from './obtained.ts';
import { hopOf, planOf } from './plan.ts';
import { type Errand, obtain } from './round-trip.ts';

export interface AcquireOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly cache: CredentialCache;
  readonly failures: Failures;
}

export interface Acquired {
  readonly obtained: Obtained;
  readonly cache: CacheResult;
}

export interface AcquireStats {
  readonly hits: number;
  readonly misses: number;
  readonly coalesced: number;
  readonly refreshes: number;
  /** Refused from the memory of a failure, without asking. */
  readonly remembered: number;
}

export interface Acquire {
  /** @param rejected fingerprint of the credential that the upstream did not accept, when there was one */
  acquire(lane: CompiledLane, call: PermittedCall, rejected?: string, signal?: AbortSignal): Promise<Acquired>;
  stats(): AcquireStats;
}

export function createAcquire({ clock, log, cache, failures }: AcquireOptions): Acquire {
  const stats = { hits: 0, misses: 0, coalesced: 0, refreshes: 0, remembered: 0 };

  async function ask(exchange: CompiledExchange, errand: Errand): Promise<Obtained> {
    const { key, members } = errand.plan;
    const era = cache.era();
    try {
      const obtained = await obtain(errand, clock);
      cache.put(key, { obtained, members: members.map(({ iss, sub }) => ({ iss, sub })) }, era);
      exchange.health.succeeded(clock.now());
      return obtained;
    } catch (failure) {
      const refusal = asRefusal(failure);
      failures.remember(key, refusal);
      exchange.health.failed(clock.now(), refusal.reason);
      throw refusal;
    }
  }

  function refreshAhead(exchange: CompiledExchange, errand: Errand, life: Life): void {
    const { key } = errand.plan;
    const due = life.refreshFrom !== undefined && clock.now() >= life.refreshFrom;
    if (!due || exchange.flights.has(key) || failures.recall(key) !== undefined) return;
    stats.refreshes += 1;
    exchange.flights
      .join(key, () => ask(exchange, errand))
      .catch((failure: unknown) => {
        log.debug({ exchange: exchange.name, reason: asRefusal(failure).reason }, 'refresh ahead failed');
      });
  }

  return {
    async acquire(lane, call, rejected, signal) {
      const hop = hopOf(call, lane.route);
      const plan = planOf(lane, hop, call);
      const errand: Errand = { lane, hop, plan, call, again: rejected !== undefined };
      if (rejected !== undefined) cache.drop(plan.key, rejected);

      const cached = cache.get(plan.key);
      if (cached !== undefined) {
        stats.hits += 1;
        refreshAhead(lane.compiled, errand, cached.obtained.life);
        return { obtained: cached.obtained, cache: 'hit' };
      }

      const failed = failures.recall(plan.key);
      if (failed !== undefined) {
        stats.remembered += 1;
        throw failed;
      }

      const { value, led } = await lane.compiled.flights.join(plan.key, () => ask(lane.compiled, errand), signal);
      stats[led ? 'misses' : 'coalesced'] += 1;
      return { obtained: value, cache: led ? 'miss' : 'coalesced' };
    },
    stats: () => ({ ...stats }),
  };
}
