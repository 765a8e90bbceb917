// What many records have in common, as JSON text made once: the parties of a delegation, a credential, a route.
// Each text is given up with what it was made of. Making them anew took half of the 10 us that a record cost.

import { createRemembered } from '../base/remembered.ts';
import type { KnownCall, Route } from '../call.ts';
import type { CredentialFacts } from '../credential.ts';
import type { Binding, DelegationChain } from '../principal.ts';
import { flat, moreOf, quoted } from './json-text.ts';
import type { Naming } from './names.ts';
import { addressOf, credential, type DelegationIds, delegation } from './parts.ts';

/** Members, each with its comma before it. */
export interface Shares {
  /** caller, subject, actors, binding */
  parties(call: KnownCall): string;
  credential(facts: CredentialFacts): string;
  /** All of a known call that it shares with those that carry the same credential, found together. @param facts of the credential */
  grant(call: KnownCall, facts: CredentialFacts | undefined, ids: DelegationIds | undefined): GrantTexts;
  route(route: Route): RouteTexts;
}

export interface GrantTexts {
  /** root_id, delegation_id, parent_id */
  readonly delegation: string;
  /** {@link Shares.parties} and {@link Shares.credential} */
  readonly members: string;
}

export interface RouteTexts {
  /** route, preset */
  readonly target: string;
  readonly owners: string;
  /** Host and port of an upstream. */
  address(origin: string): string;
}

interface Grant extends GrantTexts, DelegationIds {
  readonly chain: DelegationChain;
  readonly binding: Binding;
}

export function createShares(naming: Naming): Shares {
  const grants = createRemembered<CredentialFacts, Grant>('audit');
  const parties = new WeakMap<DelegationChain, { readonly binding: Binding; readonly text: string }>();
  const credentials = new WeakMap<CredentialFacts, string>();
  const routes = new WeakMap<Route, RouteTexts>();

  const shares: Shares = {
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
    grant(call, facts, ids) {
      const known = facts && grants.get(facts);
      if (known !== undefined && isSame(known, call, ids)) return known;
      const texts = {
        delegation: delegation(ids),
        members: shares.parties(call) + (facts === undefined ? '' : shares.credential(facts)),
      };
      // Without an id of its own the call's stands for it, and no other call has that.
      if (facts === undefined || ids === undefined || facts.idHash !== ids.id) return texts;
      const { chain, binding } = call;
      grants.set(facts, { ...ids, chain, binding, delegation: flat(texts.delegation), members: flat(texts.members) });
      credentials.delete(facts); // 0.6 KB of each user, that nobody asks for by itself any more
      return texts;
    },
    route(route) {
      const known = routes.get(route);
      if (known !== undefined) return known;
      const texts = textsOf(route);
      routes.set(route, texts);
      return texts;
    },
  };
  return shares;
}

function isSame(known: Grant, { chain, binding }: KnownCall, ids: DelegationIds | undefined): boolean {
  if (known.chain !== chain || known.binding !== binding || ids === undefined) return false;
  return known.rootId === ids.rootId && known.id === ids.id && known.parentId === ids.parentId;
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
