// What would be asked for one call on one route: made from established facts alone, without a round trip. The broker acts
// on it, and a dry run shows it; its secrets are unprintable.

import { Refusal } from '../base/errors.ts';
import type { PermittedCall, Placement, Principal, VerifiedToken } from '../call.ts';
import { cacheKey, type Member } from './cache.ts';
import type { Grant, Hop, HopToken, Input } from './grant.ts';

/** How one route is armed: its part of the configuration, resolved. */
export interface ArmRoute {
  readonly id: string;
  /** Where it stands in the configuration, e.g. ['routes', 0]. */
  readonly path: readonly (string | number)[];
  /** Name of an exchange, or `none`: forward without a credential. */
  readonly exchange: string;
  readonly audience: string | undefined;
  readonly resource: readonly string[];
  /** Token type URI (RFC 8693 section 3). */
  readonly requestedTokenType: string;
  readonly verify: 'strict' | 'record';
  /** The policy's limit on the life of an issued token, in ms. */
  readonly tokenTtlMs: number | undefined;
  readonly placement: Placement;
}

export interface ExchangePlan {
  readonly exchange: string;
  readonly grant: string;
  readonly kind: Grant['kind'] | 'none';
  readonly issuer: string | undefined;
  readonly endpoint: string;
  readonly clientId: string | undefined;
  readonly audience: string | undefined;
  readonly resources: readonly string[];
  readonly scopes: readonly string[];
  readonly requestedTokenType: string;
  readonly verify: 'strict' | 'record' | 'not_applicable';
  /** Seconds; undefined for no limit. */
  readonly maxLifetime: number | undefined;
  /** Everything that is sent, in order, without client authentication. */
  readonly inputs: readonly Input[];
  /** Subject and actors the credential would belong to; empty where it is the gate's own. */
  readonly members: readonly Member[];
  /** Digest of all of the above. */
  readonly key: string;
}

/** A route joined with the grant of its exchange. */
export interface Lane {
  readonly route: ArmRoute;
  readonly exchange: string;
  readonly grant: Grant;
}

/** Pure. @throws Refusal `actor_not_bound` when the tokens do not prove the parties established before */
export function hopOf(call: PermittedCall, route: ArmRoute): Hop {
  const { subject, subjectToken, caller, actorToken } = call;
  // The last gate against chain splicing (RFC 8693 binds the two tokens to nothing): both must be of this very call.
  if (!proves(subjectToken, subject) || (actorToken !== undefined && !proves(actorToken, caller))) {
    throw new Refusal('actor_not_bound', { detail: 'a token does not prove the party it would be sent for' });
  }
  return {
    subject: tokenOf(subjectToken),
    actor: actorToken && tokenOf(actorToken),
    audience: route.audience,
    resources: route.resource,
    scopes: call.scopes.length > 1 ? [...new Set(call.scopes)].sort() : call.scopes,
    requestedTokenType: route.requestedTokenType,
  };
}

export function planOf(lane: Lane, hop: Hop, call: PermittedCall): ExchangePlan {
  const { route, grant } = lane;
  const { tokenTtlMs } = route;
  const plan = {
    exchange: lane.exchange,
    grant: grant.type,
    kind: grant.kind,
    issuer: grant.issuer,
    endpoint: grant.endpoint,
    clientId: grant.clientId,
    audience: hop.audience,
    resources: hop.resources,
    scopes: hop.scopes,
    requestedTokenType: hop.requestedTokenType,
    verify: grant.verifies ? route.verify : ('not_applicable' as const),
    maxLifetime: tokenTtlMs === undefined ? undefined : Math.floor(tokenTtlMs / 1000),
    inputs: grant.plan(hop),
    members: grant.kind === 'exchanged' ? [call.subject, ...call.chain.actors] : [],
  };
  return { ...plan, key: cacheKey(plan) };
}

function proves({ principal }: VerifiedToken, party: Principal): boolean {
  return principal.iss === party.iss && principal.sub === party.sub;
}

function tokenOf({ token, principal, expiresAt }: VerifiedToken): HopToken {
  return { token, iss: principal.iss, sub: principal.sub, expiresAt };
}

/** The plan of a route that forwards without a credential. */
export function planOfNone({ scopes }: PermittedCall): ExchangePlan {
  return {
    exchange: 'none',
    grant: 'none',
    kind: 'none',
    issuer: undefined,
    endpoint: '',
    clientId: undefined,
    audience: undefined,
    resources: [],
    scopes,
    requestedTokenType: '',
    verify: 'not_applicable',
    maxLifetime: undefined,
    inputs: [],
    members: [],
    key: '',
  };
}
