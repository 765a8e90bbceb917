// The facts of a call as policy sees them. Absent texts are "" and an absent `stream` is false, so that a positive
// condition on an absent fact is false and never an error. These are classes because CEL tells typed values apart by
// their constructor; they carry no behaviour, and nothing is converted before a rule asks for it.

import type { RequestFacts, Route, RoutedCall } from '../call.ts';
import type { Actor, Principal, PrincipalKind } from '../principal.ts';
import { type CelMap, celClaims } from './claims.ts';

export class PrincipalFacts {
  readonly iss: string;
  readonly sub: string;
  readonly kind: PrincipalKind;
  readonly #principal: Principal;

  constructor(principal: Principal) {
    this.iss = principal.iss;
    this.sub = principal.sub;
    this.kind = principal.kind;
    this.#principal = principal;
  }

  get claims(): CelMap {
    return celClaims(this.#principal.claims);
  }
}

export class ActorFacts {
  readonly iss: string;
  readonly sub: string;

  constructor(actor: Actor) {
    this.iss = actor.iss ?? '';
    this.sub = actor.sub;
  }
}

export class ChainFacts {
  readonly root_id: string;
  readonly binding: string;
  readonly #actors: readonly Actor[];

  constructor(call: RoutedCall) {
    this.root_id = call.chain.rootId;
    this.binding = call.binding;
    this.#actors = call.chain.actors;
  }

  get depth(): bigint {
    return BigInt(this.#actors.length);
  }

  get actors(): readonly ActorFacts[] {
    return this.#actors.map((actor) => new ActorFacts(actor));
  }
}

export class RequestPolicyFacts {
  readonly method: string;
  readonly path: string;
  readonly operation: string;
  readonly model: string;
  readonly tool: string;
  readonly resource: string;
  readonly stream: boolean;
  readonly mcp_version: string;

  constructor(facts: RequestFacts) {
    this.method = facts.method;
    this.path = facts.path;
    this.operation = facts.operation ?? '';
    this.model = facts.model ?? '';
    this.tool = facts.tool ?? '';
    this.resource = facts.resource ?? '';
    this.stream = facts.stream ?? false;
    this.mcp_version = facts.mcpVersion ?? '';
  }
}

export class RouteFacts {
  readonly id: string;
  readonly preset: string;
  readonly provider: string;

  constructor(route: Route) {
    this.id = route.id;
    this.preset = route.preset ?? '';
    this.provider = route.provider ?? '';
  }
}

/** What a condition is evaluated over: one property per variable of the vocabulary. */
export interface PolicyFacts {
  readonly caller: PrincipalFacts;
  readonly subject: PrincipalFacts;
  readonly chain: ChainFacts;
  readonly request: RequestPolicyFacts;
  readonly route: RouteFacts;
  readonly now: Date;
}

/** @param at milliseconds since the epoch: the time of the decision. */
export function factsOf(call: RoutedCall, at: number): PolicyFacts {
  const caller = new PrincipalFacts(call.caller);
  return {
    caller,
    subject: call.subject === call.caller ? caller : new PrincipalFacts(call.subject),
    chain: new ChainFacts(call),
    request: new RequestPolicyFacts(call.facts),
    route: new RouteFacts(call.route),
    now: new Date(at),
  };
}
