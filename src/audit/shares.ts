// What many records have in common, as JSON text made once: the parties of a delegation, a credential, a route.
// Each text is given up with what it was made of. Making them anew took half of the 10 us that a record cost.

import type { KnownCall, Route } from '../call.ts';
import type { CredentialFacts } from '../credential.ts';
import type { Binding, DelegationChain } from '../principal.ts';
import { moreOf, quoted } from './json-text.ts';
import type { Naming } from './names.ts';
import { addressOf, credential } from './parts.ts';

/** Members, each with its comma before it. */
export interface Shares {
  /** caller, subject, actors, binding */
  parties(call: KnownCall): string;
  credential(facts: CredentialFacts): string;
  route(route: Route): RouteTexts;
}

export interface RouteTexts {
  /** route, preset */
  readonly target: string;
  readonly owners: string;
  /** Host and port of an upstream. */
  address(origin: string): string;
}

export function createShares(naming: Naming): Shares {
  const parties = new WeakMap<DelegationChain, { readonly binding: Binding; readonly text: string }>();
  const credentials = new WeakMap<CredentialFacts, string>();
  const routes = new WeakMap<Route, RouteTexts>();

  return {
    parties(call) {
      const { chain, binding } = call;
      const known = parties.get(chain);
      if (known?.binding === binding) return known.text;
      const caller = naming.principal(call.caller);
      const subject = naming.principal(call.subject);
      const text = moreOf({ caller, subject, actors: naming.actors(call), binding });
      parties.set(chain, { binding, text });
      return text;
    },
    credential(facts) {
      const known = credentials.get(facts);
      if (known !== undefined) return known;
      const text = moreOf({ credential: credential(facts) });
      credentials.set(facts, text);
      return text;
    },
    route(route) {
      const known = routes.get(route);
      if (known !== undefined) return known;
      const texts = textsOf(route);
      routes.set(route, texts);
      return texts;
    },
  };
}

function textsOf({ id, preset, owners }: Route): RouteTexts {
  let of: string | undefined;
  let address = '';
  return {
    target: moreOf({ route: id, preset }),
    owners: moreOf({ owners }),
    // Of most routes there is one; a caller may choose another where the host is a wildcard.
    address(origin) {
      if (origin !== of) {
        address = quoted(addressOf(origin));
        of = origin;
      }
      return address;
    },
  };
}
