// What would be asked for one call on one route: made from established facts alone, without a round trip. The broker acts
// on it, and a dry run shows it; its secrets are unprintable.

import type { PermittedCall } from '../call.ts';
import type { Placement } from '../credential.ts';
import type { Member } from './cache.ts';
import type { Grant, Hop, Input } from './grant.ts';

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

/** One exchange of several, as asked for; what is left out is the route's own (the last leg) or its default. */
export interface LegRequest {
  readonly audience?: string | undefined;
  readonly resources?: readonly string[] | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly requestedTokenType?: string | undefined;
  readonly verify?: 'strict' | 'record' | undefined;
}

export interface Leg {
  /** Name of the exchange it is. */
  readonly exchange: string;
  readonly grant: Grant;
  readonly request: LegRequest;
}

/** A route joined with the legs of its exchange, first to last. */
export interface Lane<L extends Leg = Leg> {
  readonly route: ArmRoute;
  readonly exchange: string;
  readonly legs: readonly L[];
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
  /** Everything that is sent, in order, without client authentication; a token that is yet to be obtained as a promise. */
  readonly inputs: readonly Input[];
  /** Subject and actors the credential would belong to; empty where it is the gate's own. */
  readonly members: readonly Member[];
  /** The exchanges before it, first to last, whose result it is made with. */
  readonly via: readonly { readonly exchange: string; readonly grant: string; readonly endpoint: string }[];
  /** Digest of all of the above. */
  readonly key: string;
}

/** A leg with all that is known of it before the first round trip. */
export interface PlannedLeg<L extends Leg = Leg> {
  readonly leg: L;
  /** Its subject token is a promise (legs.ts) unless it came with the call. */
  readonly hop: Hop;
  readonly plan: ExchangePlan;
  /** The leg whose token is the subject of this one; undefined for the first. */
  readonly before: PlannedLeg<L> | undefined;
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
    via: [],
    key: '',
  };
}
