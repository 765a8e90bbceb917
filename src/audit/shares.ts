// What many records have in common, as JSON text made once: the parties of a delegation, a credential, the owners of a route.
// Each text is given up with what it was made of. Making them anew took half of the 10 us that a record cost.

import type { KnownCall, RoutedCall } from '../call.ts';
import type { CredentialFacts } from '../credential.ts';
import type { Binding, DelegationChain } from '../principal.ts';
import { membersOf } from './line.ts';
import type { Naming } from './names.ts';
import { credential, owners } from './parts.ts';

/** JSON text of members, without braces; empty where there is nothing to say. */
export interface Shares {
  /** caller, subject, actors, binding */
  identity(call: KnownCall): string;
  credential(facts: CredentialFacts): string;
  owners(call: RoutedCall): string;
}

export function createShares(naming: Naming): Shares {
  const identities = new WeakMap<DelegationChain, { readonly binding: Binding; readonly text: string }>();
  const credentials = new WeakMap<CredentialFacts, string>();
  const owned = new WeakMap<RoutedCall['route'], string>();

  return {
    identity(call) {
      const { chain, binding } = call;
      const known = identities.get(chain);
      if (known?.binding === binding) return known.text;
      const caller = naming.principal(call.caller);
      const subject = naming.principal(call.subject);
      const text = membersOf({ caller, subject, actors: naming.actors(call), binding });
      identities.set(chain, { binding, text });
      return text;
    },
    credential(facts) {
      const known = credentials.get(facts);
      if (known !== undefined) return known;
      const text = membersOf({ credential: credential(facts) });
      credentials.set(facts, text);
      return text;
    },
    owners(call) {
      const known = owned.get(call.route);
      if (known !== undefined) return known;
      const text = membersOf(owners(call) ?? {});
      owned.set(call.route, text);
      return text;
    },
  };
}
