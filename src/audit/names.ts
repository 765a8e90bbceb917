// Who a record names, and how: workloads by their names, users as the configuration says.
// Must never let a user's own identifier out where the setting says pseudonymous or omit.

import { bounded, boundedOptional } from '../base/bounded.ts';
import type { KnownCall } from '../call.ts';
import type { Actor, Principal } from '../principal.ts';
import type { SubjectForm } from './schema.ts';

/** Longest identifier taken from a token, in characters; stops a token from filling every record with its `sub`. */
const maxIdentifier = 256;

/** Actors written of one chain: what identity allows at most. */
const maxActors = 16;

export interface Naming {
  principal(principal: Principal): object;
  /** Outermost first, as in RFC 8693. */
  actors(call: KnownCall): readonly object[];
}

export interface NamingOptions {
  readonly form: SubjectForm;
  /** The same for the same user as on spans. */
  readonly pseudonym: (principal: Principal) => string;
}

export function createNaming({ form, pseudonym }: NamingOptions): Naming {
  function principal(one: Principal): object {
    const { kind, iss, sub } = one;
    if (kind === 'workload' || form === 'raw') {
      return { kind, iss: bounded(iss, maxIdentifier), sub: bounded(sub, maxIdentifier) };
    }
    return form === 'omit' ? { kind } : { kind, id: `user:${pseudonym(one)}` };
  }

  /** The caller as an actor is a principal whose kind is known: a user's name follows the setting even there. */
  function actor({ caller }: KnownCall, { iss, sub }: Actor): object {
    if (caller.kind === 'user' && caller.sub === sub && caller.iss === iss) return principal(caller);
    return { iss: boundedOptional(iss, maxIdentifier), sub: bounded(sub, maxIdentifier) };
  }

  return {
    principal,
    actors: (call) => call.chain.actors.slice(0, maxActors).map((one) => actor(call, one)),
  };
}
