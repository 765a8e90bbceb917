// Finds the entry a call, a token or a credential falls under, by a few look-ups however long the list is.
// An identity is (iss, sub); an actor whose token names no issuer could be of any, and falls under an entry of any. Must never
// let a call pass because of what is not known of it.

import { delegationRoot } from '../base/delegation-root.ts';
import { idDigest, isIdDigest } from '../base/id-digest.ts';
import type { KnownCall } from '../call.ts';
import type { CredentialFacts } from '../credential.ts';
import type { VerifiedToken } from '../principal.ts';
import { isArmed, isRouted } from '../reached.ts';
import { anyIssuer, type Entry, type Kind, type PartyEntry } from './entry.ts';

export interface Matcher {
  readonly size: number;
  add(entry: Entry): void;
  remove(entry: Entry): void;
  /** As far as the call came: its parties, its route, its tokens, the credential it carries. */
  ofCall(call: KnownCall): Entry | undefined;
  /** A token that is held for somebody. */
  ofToken(token: VerifiedToken): Entry | undefined;
  /** A credential by the ids of the tokens it is, or was traded for. */
  ofCredential(facts: CredentialFacts): Entry | undefined;
}

interface Named {
  readonly iss: string | undefined;
  readonly sub: string;
}

/** @param now milliseconds since the epoch */
export function createMatcher(now: () => number): Matcher {
  /** By `sub`, or by the value: entries that share one are few. */
  const places: Record<Kind, Map<string, Entry[]>> = {
    ...{ subject: new Map(), actor: new Map(), member: new Map() },
    ...{ token: new Map(), root: new Map(), route: new Map() },
  };
  /** Token ids by digest are kept apart, so that none is made where no entry needs one. */
  const digests = new Map<string, Entry[]>();
  const digestOf = createDigests();

  function placesOf(entry: Entry): readonly (readonly [Map<string, Entry[]>, string])[] {
    if ('party' in entry) return [[places[entry.kind], entry.party.sub]];
    const plain = [places[entry.kind], entry.value] as const;
    if (entry.kind !== 'token') return [plain];
    // An issued token is known here by its digest alone.
    const own = isIdDigest(entry.value) ? [[digests, entry.value] as const] : [];
    return [plain, [digests, idDigest(entry.value)], ...own];
  }

  const inForce = (entry: Entry) => entry.until === undefined || now() < entry.until;

  function byParty(place: Map<string, Entry[]>, { iss, sub }: Named, token: VerifiedToken): Entry | undefined {
    return place.get(sub)?.find((entry) => isParty(entry, iss) && inForce(entry) && isEarly(entry, token));
  }

  function byValue(place: Map<string, Entry[]>, value: string | undefined): Entry | undefined {
    return value === undefined ? undefined : place.get(value)?.find(inForce);
  }

  function byId(token: VerifiedToken | undefined): Entry | undefined {
    if (token?.jti === undefined) return undefined;
    const found = byValue(places.token, token.jti);
    return found ?? (digests.size === 0 ? undefined : byValue(digests, digestOf(token.jti, token)));
  }

  function ofCredential(facts: CredentialFacts): Entry | undefined {
    if (digests.size === 0) return undefined;
    const found = byValue(digests, facts.idHash);
    if (found !== undefined || facts.via === undefined) return found;
    for (const before of facts.via) {
      const entry = ofCredential(before);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  function ofActors(actors: readonly Named[], token: VerifiedToken): Entry | undefined {
    for (const actor of actors) {
      const entry = byParty(places.member, actor, token);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  const matcher: Mutable<Matcher> = {
    size: 0,
    add(entry) {
      for (const [place, key] of placesOf(entry)) {
        const there = place.get(key);
        if (there === undefined) place.set(key, [entry]);
        else there.push(entry);
      }
      matcher.size += 1;
    },
    remove(entry) {
      for (const [place, key] of placesOf(entry)) {
        const rest = (place.get(key) ?? []).filter(({ id }) => id !== entry.id);
        if (rest.length === 0) place.delete(key);
        else place.set(key, rest);
      }
      matcher.size -= 1;
    },
    ofCall(call) {
      if (matcher.size === 0) return undefined;
      const { caller, subject, chain, subjectToken, actorToken } = call;
      // What proves the caller: without a token of its own, the subject's is all there is to judge.
      const own = actorToken ?? subjectToken;
      return (
        byParty(places.subject, subject, subjectToken) ??
        byParty(places.actor, caller, own) ??
        byParty(places.member, subject, subjectToken) ??
        byParty(places.member, caller, own) ??
        ofActors(chain.prior, subjectToken) ??
        byValue(places.root, chain.rootId) ??
        byId(subjectToken) ??
        byId(actorToken) ??
        (isRouted(call) ? byValue(places.route, call.route.id) : undefined) ??
        (isArmed(call) ? ofCredential(call.credential.facts) : undefined)
      );
    },
    ofToken(token) {
      const { principal, actors, txn, jti } = token;
      return (
        byParty(places.subject, principal, token) ??
        byParty(places.actor, actors[0] ?? principal, token) ??
        byParty(places.member, principal, token) ??
        ofActors(actors, token) ??
        byValue(places.root, txn ?? (jti === undefined ? undefined : delegationRoot(principal.iss, jti))) ??
        byId(token)
      );
    },
    ofCredential,
  };
  return matcher;
}

function isParty(entry: Entry, iss: string | undefined): entry is PartyEntry {
  if (!('party' in entry)) return false;
  return iss === undefined || entry.party.iss === anyIssuer || entry.party.iss === iss;
}

/** A token that does not say when it was issued could be any old. Whole seconds (RFC 7519 section 2, NumericDate). */
function isEarly(entry: Entry, { principal }: VerifiedToken): boolean {
  if (!('party' in entry) || entry.issuedBefore === undefined) return true;
  const { iat } = principal.claims;
  return typeof iat !== 'number' || iat * 1_000 < entry.issuedBefore;
}

/** Made once for each token. */
function createDigests(): (jti: string, token: VerifiedToken) => string {
  const known = new WeakMap<VerifiedToken, string>();
  return (jti, token) => {
    const before = known.get(token);
    if (before !== undefined) return before;
    const made = idDigest(jti);
    known.set(token, made);
    return made;
  };
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };
