// Arms a permitted call: with a credential of its route's exchange, a standing secret, or none where the route says so.
// The only file that makes an ArmedCall. Must never fall back from one kind of credential to another: a route has one
// exchange, and when that fails the call is refused (agentgateway#2260).

import { asRefusal, Refusal } from '../base/errors.ts';
import type { Clock, Log, Send } from '../base/ports.ts';
import type { Report } from '../base/problem.ts';
import type { OpenWorkloadApi } from '../base/spiffe/workload-api.ts';
import type { ArmedCall, PermittedCall } from '../call.ts';
import type { Credential, CredentialFacts, Placement } from '../credential.ts';
import { type AcquireStats, createAcquire } from './acquire.ts';
import { createCredentialCache, defaultCacheEntries, type Member } from './cache.ts';
import { type CompiledExchange, type CompiledLeg, compileExchanges, compileLanes } from './compile.ts';
import { factsOfStanding } from './facts.ts';
import { createFailures } from './failures.ts';
import type { HealthFacts } from './health.ts';
import { planLegs } from './legs.ts';
import { type ArmRoute, type ExchangePlan, type PlannedLeg, planOfNone } from './plan.ts';
import { type ExchangeConfig, noExchange, type SourceConfig } from './schema.ts';
import { type SharedCredentials, sharedWithNobody } from './shared.ts';
import { compileSources } from './sources/compile.ts';
import { exchangeStatus } from './status.ts';

export interface BrokerOptions {
  readonly exchanges: ReadonlyMap<string, ExchangeConfig>;
  /** By name; exchanges in the gate's own name refer to them. */
  readonly sources?: ReadonlyMap<string, SourceConfig>;
  readonly routes: readonly ArmRoute[];
  readonly clock: Clock;
  readonly send: Send;
  readonly log: Log;
  readonly workload: OpenWorkloadApi;
  readonly report: Report;
  /** Credentials cached at one time. */
  readonly cacheEntries?: number;
  /** What gates in other threads have; with nobody when absent. */
  readonly shared?: SharedCredentials;
}

export interface ExchangeStatus extends HealthFacts {
  readonly name: string;
  readonly grant: string;
  readonly kind: ExchangePlan['kind'];
  readonly issuer: string | undefined;
  readonly endpoint: string;
  readonly clientId: string | undefined;
  /** Exchanges under way. */
  readonly inFlight: number;
  /** Ids of the routes that use it. */
  readonly routes: readonly string[];
  /** Grants of its legs, first to last, with the endpoint each is asked at. */
  readonly legs: readonly { readonly exchange: string; readonly grant: string; readonly endpoint: string }[];
}

export interface BrokerStats extends AcquireStats {
  /** Credentials in the cache. */
  readonly entries: number;
}

export interface Broker {
  /** Arms a call for which nothing has to be waited for: promises took 3 us of each. @returns undefined for the others */
  armAtOnce(call: PermittedCall): ArmedCall | undefined;
  /** @param signal lets this call leave a wait; nobody else's. @throws Refusal */
  arm(call: PermittedCall, signal?: AbortSignal): Promise<ArmedCall>;
  /**
   * For an upstream that answered 401: forgets that credential (if no other call has renewed it yet) and gets another.
   * A call that carries no credential comes back as it is.
   * @throws Refusal
   */
  rearm(call: ArmedCall, signal?: AbortSignal): Promise<ArmedCall>;
  /** What `arm` would ask; pure, without a round trip. */
  plan(call: PermittedCall): ExchangePlan;
  /** Values that the upstream calls of a route need in comma-separated headers, for the sake of their credential. */
  callHeaders(routeId: string): Readonly<Record<string, string>>;
  /** Where the credential of a route goes, as its exchange decides; undefined for a route without one. */
  placement(routeId: string): Placement | undefined;
  status(): readonly ExchangeStatus[];
  /** Looks up what can be known before the first call. Never rejects: `status` tells what is not ready. */
  warm(): Promise<void>;
  stats(): BrokerStats;
  /** Drops every credential that this party is subject or actor of; one being obtained right now is not kept. @returns how many */
  forget(member: Member): number;
  /** Drops every credential of which the facts say so; one being obtained right now is not kept. @returns how many */
  forgetIssued(concerned: (facts: CredentialFacts) => boolean): number;
  close(): void;
}

export function createBroker(options: BrokerOptions): Broker {
  const { clock, log } = options;
  const sources = compileSources(options.sources ?? new Map(), options);
  const exchanges = compileExchanges(options.exchanges, { ...options, sources });
  const lanes = compileLanes(options.routes, exchanges, options.report);
  const bare = new Set(options.routes.filter(({ exchange }) => exchange === noExchange).map(({ id }) => id));
  const cache = createCredentialCache({ clock, max: options.cacheEntries ?? defaultCacheEntries });
  const share = (options.shared ?? sharedWithNobody).join(cache);
  const acquire = createAcquire({ clock, log, cache, failures: createFailures(clock), share });

  async function armWith(call: PermittedCall, rejected?: string, signal?: AbortSignal): Promise<ArmedCall> {
    const lane = lanes.get(call.route.id);
    if (lane === undefined) return { ...call, credential: noCredential(call), cache: 'bypass' };
    const { placement } = lane.route;
    if (lane.legs[0]?.grant.kind === 'static') {
      const credential = await standing(planLegs(lane, call), placement, rejected !== undefined);
      return { ...call, credential, cache: 'bypass' };
    }
    const { obtained, cache: result } = await acquire.acquire(lane, call, rejected, signal);
    const { secret, facts } = obtained;
    return { ...call, credential: { secret, placement, facts }, cache: result };
  }

  function armAtOnce(call: PermittedCall): ArmedCall | undefined {
    const lane = lanes.get(call.route.id);
    if (lane === undefined || lane.legs[0]?.grant.kind === 'static') return undefined;
    const obtained = acquire.held(lane, call);
    if (obtained === undefined) return undefined;
    const { secret, facts } = obtained;
    return { ...call, credential: { secret, placement: lane.route.placement, facts }, cache: 'hit' };
  }

  async function standing(
    { leg, hop, plan }: PlannedLeg<CompiledLeg>,
    placement: Placement,
    again: boolean,
  ): Promise<Credential> {
    const { token } = await tracked(leg, leg.grant.obtain(hop, { traceparent: undefined, again }));
    return { secret: token, placement, facts: factsOfStanding(plan, token) };
  }

  async function tracked<T>({ health }: CompiledLeg, obtaining: Promise<T>): Promise<T> {
    try {
      const obtained = await obtaining;
      health.succeeded(clock.now());
      return obtained;
    } catch (failure) {
      health.failed(clock.now(), asRefusal(failure).reason);
      throw failure;
    }
  }

  function noCredential(call: PermittedCall): Credential {
    return { secret: undefined, placement: { kind: 'none' }, facts: factsOfStanding(planFor(call), undefined) };
  }

  function planFor(call: PermittedCall): ExchangePlan {
    const lane = lanes.get(call.route.id);
    if (lane !== undefined) return planLegs(lane, call).plan;
    if (bare.has(call.route.id)) return planOfNone(call);
    throw new Refusal('exchange_misconfigured', { detail: 'the route has no exchange' });
  }

  return {
    armAtOnce,
    arm: (call, signal) => armWith(call, undefined, signal),
    async rearm(call, signal) {
      if (call.credential.secret === undefined) return call;
      return armWith(call, call.credential.facts.fingerprint, signal);
    },
    plan: planFor,
    callHeaders: (routeId) => lanes.get(routeId)?.legs.at(-1)?.grant.callHeaders ?? {},
    placement: (routeId) => lanes.get(routeId)?.route.placement,
    status: () => [...exchanges.values()].map((exchange) => exchangeStatus(exchange, options.routes)),
    async warm() {
      await Promise.all([...exchanges.values()].map((exchange) => prepare(exchange, clock, log)));
    },
    stats: () => ({ ...acquire.stats(), entries: cache.size() }),
    forget(member) {
      share.forget(member);
      return cache.forget(member);
    },
    forgetIssued: cache.forgetIssued,
    close() {
      share.close();
      cache.clear();
    },
  };
}

/** A chain's legs are exchanges of their own and prepared as such. */
async function prepare({ name, legs }: CompiledExchange, clock: Clock, log: Log): Promise<void> {
  const own = legs.filter(({ exchange }) => exchange === name);
  await Promise.all(own.map((leg) => prepareLeg(leg, clock, log)));
}

async function prepareLeg({ exchange, grant, health }: CompiledLeg, clock: Clock, log: Log): Promise<void> {
  try {
    await grant.prepare();
    await grant.source?.read();
    health.prepared();
  } catch (failure) {
    const { reason, detail } = asRefusal(failure);
    health.failed(clock.now(), reason);
    log.warn({ exchange, reason, detail }, 'exchange is not ready');
  }
}
