// Plans every leg of a call's exchange, from established facts alone. A token that an earlier leg or a subject source is yet
// to bring stands in the plan as a promise, so that the key of the last leg is known before the first is asked for.
// Must never plan with tokens that prove other parties than those established for this call.

import { Refusal } from '../base/errors.ts';
import { createRemembered } from '../base/remembered.ts';
import { Secret } from '../base/secret.ts';
import type { PermittedCall } from '../call.ts';
import type { DelegationChain, Principal, VerifiedToken } from '../principal.ts';
import { cacheKey, type Place } from './cache.ts';
import type { Grant, Hop, HopToken } from './grant.ts';
import type { ExchangePlan, Lane, Leg, LegRequest, PlannedLeg } from './plan.ts';
import { accessTokenType } from './token-type.ts';

/**
 * Plans every leg; pure. @returns the last one
 * @throws Refusal `actor_not_bound` when the tokens do not prove the parties established before
 */
export function planLegs<L extends Leg>(lane: Lane<L>, call: PermittedCall): PlannedLeg<L> {
  let planned: PlannedLeg<L> | undefined;
  for (const [at, leg] of lane.legs.entries()) planned = planLeg(lane, leg, at, planned, call);
  if (planned === undefined) throw new Refusal('exchange_misconfigured', { detail: 'the exchange has no legs' });
  return planned;
}

/** Plans the legs of a call, as {@link planLegs} does. */
export type Planner<L extends Leg> = (lane: Lane<L>, call: PermittedCall) => Planned<L>;

/** The plan of a call, and where its credential was found the last time. */
export interface Planned<L extends Leg> {
  readonly last: PlannedLeg<L>;
  place: Place | undefined;
}

/** All that a plan is made of, besides the configuration; in one object, since a call of one user in thousands finds none of it near. */
interface Remembered<L extends Leg>
  extends Planned<L>,
    Pick<PermittedCall, 'subject' | 'subjectToken' | 'caller' | 'actorToken' | 'scopes'> {
  readonly lane: Lane<L>;
}

/**
 * Remembers the plan of the last call of each chain: made of the very same tokens and scopes for the same route it would be
 * the same, and digesting two tokens for its key took 4 us of each call. Given up with the chain, and so with its tokens.
 */
export function createPlanner<L extends Leg>(): Planner<L> {
  const remembered = createRemembered<DelegationChain, Remembered<L>>('plan');
  return (lane, call) => {
    const before = remembered.get(call.chain);
    if (before !== undefined && before.lane === lane && isSame(before, call)) return before;
    const { subject, subjectToken, caller, actorToken, scopes } = call;
    const last = planLegs(lane, call);
    const planned = { lane, subject, subjectToken, caller, actorToken, scopes, last, place: undefined };
    remembered.set(call.chain, planned);
    return planned;
  };
}

function isSame(before: Remembered<Leg>, call: PermittedCall): boolean {
  return (
    before.subject === call.subject &&
    before.subjectToken === call.subjectToken &&
    before.caller === call.caller &&
    before.actorToken === call.actorToken &&
    before.scopes === call.scopes
  );
}

function planLeg<L extends Leg>(
  { route, legs }: Lane<L>,
  leg: L,
  at: number,
  before: PlannedLeg<L> | undefined,
  call: PermittedCall,
): PlannedLeg<L> {
  const { grant, request } = leg;
  const next = legs[at + 1]?.grant;
  const own: LegRequest =
    next === undefined
      ? { audience: route.audience, resources: route.resource, requestedTokenType: route.requestedTokenType }
      : { audience: next.subjectAudience, requestedTokenType: accessTokenType };
  const kind = before === undefined ? grant.kind : before.plan.kind;
  const parties = kind === 'exchanged' ? [call.subject, ...call.chain.actors] : [];
  const hop: Hop = {
    route: route.id,
    ...tokensOf(grant, before, call),
    audience: request.audience ?? own.audience,
    resources: request.resources ?? own.resources ?? [],
    scopes: request.scopes ?? sorted(call.scopes),
    requestedTokenType: request.requestedTokenType ?? own.requestedTokenType ?? accessTokenType,
    parties,
  };
  const { tokenTtlMs } = route;
  const plan = {
    exchange: leg.exchange,
    grant: grant.type,
    kind,
    issuer: grant.issuer,
    endpoint: grant.endpoint,
    clientId: grant.clientId,
    audience: hop.audience ?? grant.audience,
    resources: hop.resources,
    scopes: hop.scopes,
    requestedTokenType: hop.requestedTokenType,
    verify: grant.verifies ? (request.verify ?? route.verify) : ('not_applicable' as const),
    // The limit is one on credentials; what is traded on is never placed on a request.
    maxLifetime: next !== undefined || tokenTtlMs === undefined ? undefined : Math.floor(tokenTtlMs / 1000),
    inputs: grant.plan(hop),
    members: parties,
    via: before === undefined ? [] : [...before.plan.via, summaryOf(before.plan)],
  };
  return { leg, hop, plan: { ...plan, key: cacheKey(plan) }, before };
}

function tokensOf(
  { source }: Grant,
  before: PlannedLeg | undefined,
  call: PermittedCall,
): Pick<Hop, 'subject' | 'actor'> {
  // The key of the leg before stands for the token it will have: it digests all that token depends on.
  if (before !== undefined) return { subject: promised(`leg:${before.plan.key}`), actor: undefined };
  if (source !== undefined) return { subject: promised(`source:${source.name}`), actor: undefined };
  const { subject, subjectToken, caller, actorToken } = call;
  // The last gate against chain splicing (RFC 8693 binds the two tokens to nothing): both must be of this very call.
  if (!proves(subjectToken, subject) || (actorToken !== undefined && !proves(actorToken, caller))) {
    throw new Refusal('actor_not_bound', { detail: 'a token does not prove the party it would be sent for' });
  }
  return { subject: tokenOf(subjectToken), actor: actorToken && tokenOf(actorToken) };
}

/** Stands for a token that is not there yet, in plans and cache keys. Replaced before anything is sent (round-trip.ts). */
function promised(name: string): HopToken {
  return { token: new Secret(name), origin: 'gate', principal: undefined };
}

function tokenOf({ token, principal }: VerifiedToken): HopToken {
  return { token, origin: 'call', principal };
}

function proves({ principal }: VerifiedToken, party: Principal): boolean {
  return principal.iss === party.iss && principal.sub === party.sub;
}

function sorted(scopes: readonly string[]): readonly string[] {
  return scopes.length > 1 ? [...new Set(scopes)].sort() : scopes;
}

function summaryOf({ exchange, grant, endpoint }: ExchangePlan): ExchangePlan['via'][number] {
  return { exchange, grant, endpoint };
}
