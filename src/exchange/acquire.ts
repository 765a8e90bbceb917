// A credential for one hop: from the cache, from a flight under way, or by asking, leg by leg. Refreshes ahead on calls that
// policy has just permitted, so that a refresh re-asks policy by itself. A failed refresh never takes a valid credential
// away, and an issuer that is down is no reason to use one that is not valid any more.

import { asRefusal, Refusal } from '../base/errors.ts';
import type { Clock, Log } from '../base/ports.ts';
import type { PermittedCall } from '../call.ts';
import type { CacheResult } from '../credential.ts';
import type { CredentialCache } from './cache.ts';
import type { CompiledLane, CompiledLeg } from './compile.ts';
import type { Failures } from './failures.ts';
import { createPlanner, type Planned } from './legs.ts';
import type { Life } from './life.ts';
import type { Obtained } from './obtained.ts';
import type { PlannedLeg } from './plan.ts';
import { obtain } from './round-trip.ts';
import type { Brought, Share } from './shared.ts';

/**
 * Age below which a rejected credential is not replaced, in ms: an upstream that does not take a fresh one takes no other
 * either. Stops an upstream that always answers 401 from making every call an exchange.
 */
const freshFor = 10_000;

const counted = { hit: 'hits', miss: 'misses', coalesced: 'coalesced' } as const;

export interface AcquireOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly cache: CredentialCache;
  readonly failures: Failures;
  /** What other gates have in common with this one. */
  readonly share: Pick<Share, 'obtain'>;
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
  /** The credential that serves the call without waiting for anything; undefined where there is none. */
  held(lane: CompiledLane, call: PermittedCall): Obtained | undefined;
  /** @param rejected fingerprint of the credential that the upstream did not accept, when there was one */
  acquire(lane: CompiledLane, call: PermittedCall, rejected?: string, signal?: AbortSignal): Promise<Acquired>;
  stats(): AcquireStats;
}

/** One leg to be asked for. */
interface Errand {
  readonly planned: PlannedLeg<CompiledLeg>;
  readonly call: PermittedCall;
  readonly again: boolean;
  /** Fingerprint of the credential that will not do. */
  readonly unlike: string | undefined;
}

export function createAcquire({ clock, log, cache, failures, share }: AcquireOptions): Acquire {
  const plan = createPlanner<CompiledLeg>();
  const stats = { hits: 0, misses: 0, coalesced: 0, refreshes: 0, remembered: 0 };

  /** Asks and keeps what came; what did not come is remembered for a moment. */
  async function ask(errand: Errand): Promise<Brought> {
    const { key, ...plan } = errand.planned.plan;
    const members = plan.members.map(({ iss, sub }) => ({ iss, sub }));
    const era = cache.era();
    try {
      const brought = await share.obtain({ key, members, unlike: errand.unlike }, () => askOnly(errand));
      cache.put(key, { obtained: brought.obtained, members }, era);
      return brought;
    } catch (failure) {
      const refusal = asRefusal(failure);
      failures.remember(key, refusal);
      throw refusal;
    }
  }

  async function askOnly(errand: Errand): Promise<Obtained> {
    const { leg } = errand.planned;
    const brought = await bring(errand);
    try {
      const obtained = await obtain({ ...errand, brought }, clock);
      leg.health.succeeded(clock.now());
      return obtained;
    } catch (failure) {
      leg.health.failed(clock.now(), asRefusal(failure).reason);
      throw failure;
    }
  }

  /** The token of the leg before. */
  async function bring({ planned: { before, leg }, call, again }: Errand): Promise<Obtained | undefined> {
    if (before === undefined) return undefined;
    const errand = { planned: before, call, again, unlike: undefined };
    // A grant that is redeemed once is obtained for this redemption alone: neither taken from the cache nor left there, and
    // shared with no other flight. A second redemption is refused by the vendor (claude-code#89095, "jti_reused").
    if (leg.grant.spendsSubject === true) return askOnly(errand);

    const { key } = before.plan;
    const had = cache.get(key)?.obtained;
    const cached = again ? undefined : had;
    if (cached !== undefined && !isDue(cached.life)) return cached;
    try {
      const failed = failures.recall(key);
      if (failed !== undefined) throw failed;
      const unlike = had?.facts.fingerprint;
      return (await before.leg.flights.join(key, () => ask({ ...errand, unlike }))).value.obtained;
    } catch (failure) {
      if (cached !== undefined && clock.now() < cached.life.usableUntil) return cached;
      throw failure;
    }
  }

  function isDue({ refreshFrom }: Life): boolean {
    return refreshFrom !== undefined && clock.now() >= refreshFrom;
  }

  /** From where it was the last time, if it is still there: finding it by its key took 1 us of the call of one user in thousands. */
  function inPlace(planned: Planned<CompiledLeg>): Obtained | undefined {
    const obtained = planned.place && cache.at(planned.place);
    if (obtained !== undefined) return obtained;
    planned.place = cache.get(planned.last.plan.key);
    return planned.place?.obtained;
  }

  /** What serves the call without asking; throws for a rejected credential that is too young to be replaced. */
  function lookUp(planned: Planned<CompiledLeg>, rejected: string | undefined): Obtained | undefined {
    const obtained = inPlace(planned);
    if (obtained === undefined || obtained.facts.fingerprint !== rejected) return obtained;
    if (clock.now() - obtained.askedAt >= freshFor) return undefined;
    throw new Refusal('upstream_rejected_credential', { detail: 'a credential issued a moment ago' });
  }

  function refreshAhead(errand: Errand): void {
    const { leg, plan } = errand.planned;
    if (leg.flights.has(plan.key) || failures.recall(plan.key) !== undefined) return;
    stats.refreshes += 1;
    leg.flights
      .join(plan.key, () => ask(errand))
      .catch((failure: unknown) => {
        log.debug({ exchange: leg.exchange, reason: asRefusal(failure).reason }, 'refresh ahead failed');
      });
  }

  function serve(obtained: Obtained, planned: PlannedLeg<CompiledLeg>, call: PermittedCall): Obtained {
    stats.hits += 1;
    if (isDue(obtained.life)) refreshAhead({ planned, call, again: false, unlike: obtained.facts.fingerprint });
    return obtained;
  }

  return {
    held(lane, call) {
      const planned = plan(lane, call);
      const cached = lookUp(planned, undefined);
      return cached && serve(cached, planned.last, call);
    },
    async acquire(lane, call, rejected, signal) {
      const before = plan(lane, call);
      const planned = before.last;
      const { key } = planned.plan;
      const cached = lookUp(before, rejected);
      if (cached !== undefined) return { obtained: serve(cached, planned, call), cache: 'hit' };

      const failed = failures.recall(key);
      if (failed !== undefined) {
        stats.remembered += 1;
        throw failed;
      }

      const errand: Errand = { planned, call, again: rejected !== undefined, unlike: rejected };
      const { value, led } = await planned.leg.flights.join(key, () => ask(errand), signal);
      const { obtained, from } = value;
      // Only now: while the issuer fails, calls to upstreams that do take the old one keep it.
      if (rejected !== undefined && obtained.facts.fingerprint !== rejected) cache.drop(key, rejected);
      const result = led ? from : 'coalesced';
      stats[counted[result]] += 1;
      return { obtained, cache: result };
    },
    stats: () => ({ ...stats }),
  };
}
