// Who acts: principals, actors, the tokens that prove them, and the chain of delegation between them. Types only, no behaviour.
// An identity is always (iss, sub), never sub alone.

import type { Secret } from './base/secret.ts';

/** A JSON value as read from outside. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

export type PrincipalKind = 'user' | 'workload';

/** Who an identity is: always (iss, sub), never sub alone. */
export interface Principal {
  readonly kind: PrincipalKind;
  readonly iss: string;
  readonly sub: string;
  /** Verified claims, for policy. */
  readonly claims: JsonObject;
}

/** A member of a delegation chain (RFC 8693 section 4.1): (iss, sub) where the token says both. */
export interface Actor {
  readonly sub: string;
  readonly iss: string | undefined;
  /** The actor object exactly as it stood in the token, without its nested `act`; carried on verbatim. */
  readonly claims: JsonObject;
}

/** A verified JWT of a trusted issuer. */
export interface VerifiedToken {
  readonly token: Secret;
  readonly principal: Principal;
  /** Actors the token itself names, outermost (most recent) first. */
  readonly actors: readonly Actor[];
  readonly audiences: readonly string[];
  /** Scope values of the token, in order; undefined when the token carries no scope claim. */
  readonly scopes: readonly string[] | undefined;
  readonly mayAct: JsonObject | undefined;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  readonly jti: string | undefined;
  /** `txn` of the token where it has one (transaction tokens, or tokens this gate had minted). */
  readonly txn: string | undefined;
  /** Name of the trust entry that verified it. */
  readonly trust: string;
}

/** How caller and subject were tied together: part of the audit record, since some ties are weaker than others. */
export type Binding =
  | 'self'
  | 'audience'
  | 'may_act'
  | 'sidecar'
  | 'caller_claim'
  | 'peer_certificate'
  /** A token this sidecar received and holds for its agent, named by handle or by the trace of the call it came with. */
  | 'handle'
  | 'trace'
  /** A transaction token, used by a workload of its trust domain. */
  | 'trust_domain'
  /** Inbound only: the token alone, which names subject and actors. */
  | 'bearer';

export interface DelegationChain {
  readonly subject: Principal;
  /** Actors of this hop, outermost first: the caller, then every prior actor. Empty when the caller is the subject. */
  readonly actors: readonly Actor[];
  /** Actors already in the subject token, outermost first: `actors` without the caller. */
  readonly prior: readonly Actor[];
  /** Joins every hop of one delegation across traces: `txn` where the subject token has one, else minted here. */
  readonly rootId: string;
}
