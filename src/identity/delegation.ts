// The delegation chain (RFC 8693 sections 4.1 and 4.4): read from a verified token, bound to the caller, grown by one.
// The chain only grows: new actor outermost, prior chain verbatim. It must never be cut, reordered or taken from the
// caller's own word, and a caller that the subject token does not name must never join it (chain splicing).

import { isPrintable } from '../base/bounded.ts';
import { Refusal } from '../base/errors.ts';
import type { Actor, DelegationChain, Json, JsonObject, Principal, VerifiedToken } from '../principal.ts';
import { isJsonObject } from './strict-json.ts';

/** Deepest `act` nesting read from a token; what a hop may have is configured and lower. */
const maxActDepth = 16;

/** Longest `sub` or `iss`, in characters: they go to audit records and cache keys. */
const maxName = 1_024;

/**
 * Actors of an `act` claim, outermost first.
 * @throws Refusal chain_malformed, chain_too_deep
 */
export function readActors(act: Json | undefined): readonly Actor[] {
  const actors: Actor[] = [];
  let next = act;
  while (next !== undefined) {
    if (!isJsonObject(next)) throw new Refusal('chain_malformed', { detail: 'act is not an object' });
    if (actors.length === maxActDepth)
      throw new Refusal('chain_too_deep', { detail: `more than ${maxActDepth} actors` });
    const { act: inner, ...claims } = next;
    const { sub, iss } = claims;
    if (!isName(sub)) throw new Refusal('chain_malformed', { detail: 'an actor has no usable sub' });
    if (iss !== undefined && !isName(iss))
      throw new Refusal('chain_malformed', { detail: 'an actor has no usable iss' });
    actors.push({ sub, iss, claims });
    next = inner;
  }
  return actors;
}

/** Whether a value can be an identity: text of sensible length without control characters, marks of text direction or broken Unicode. */
export function isName(value: Json | undefined): value is string {
  if (typeof value !== 'string' || value === '' || value.length > maxName) return false;
  return value.isWellFormed() && isPrintable(value);
}

/**
 * Ties the caller to the subject's token: without that, two valid tokens of different flows make a false chain.
 * `may_act` decides alone where there is one; else the token's audience must be the caller.
 * @throws Refusal may_act_mismatch, actor_not_bound
 */
export function bindActor(subject: VerifiedToken, caller: Principal): 'may_act' | 'audience' {
  if (subject.mayAct !== undefined) {
    if (!mayActNames(subject.mayAct, subject, caller)) throw new Refusal('may_act_mismatch');
    return 'may_act';
  }
  if (!audienceNames(subject, caller)) throw new Refusal('actor_not_bound');
  return 'audience';
}

/**
 * The chain of this hop. A caller that already is the outermost actor is not added again.
 * @param maxDepth most actors, the caller included
 * @throws Refusal chain_loop, chain_too_deep
 */
export function growChain(
  subject: VerifiedToken,
  caller: Principal,
  options: { readonly maxDepth: number; readonly rootId: string },
): DelegationChain {
  const home = subject.principal.iss;
  const [outermost, ...inner] = subject.actors;
  const preserved = outermost !== undefined && isActor(outermost, caller, home);
  const actor = preserved ? outermost : actorOf(caller);
  const prior = preserved ? inner : subject.actors;
  const actors = [actor, ...prior];

  if (actors.length > options.maxDepth) throw new Refusal('chain_too_deep', { detail: `${actors.length} actors` });
  const members = [subject.principal, ...actors].map((member) => JSON.stringify([member.iss ?? home, member.sub]));
  if (new Set(members).size !== members.length) throw new Refusal('chain_loop');
  return { subject: subject.principal, actors, prior, rootId: options.rootId };
}

export function samePrincipal(one: Principal, other: Principal): boolean {
  return one.iss === other.iss && one.sub === other.sub;
}

function actorOf({ iss, sub }: Principal): Actor {
  return { sub, iss, claims: { iss, sub } };
}

/** @param home issuer of the token: an actor without `iss` is named in its namespace */
export function isActor(actor: Actor, principal: Principal, home: string): boolean {
  return actor.sub === principal.sub && (actor.iss ?? home) === principal.iss;
}

/** An empty or shapeless `may_act` names nobody. */
function mayActNames(mayAct: JsonObject, subject: VerifiedToken, caller: Principal): boolean {
  const { sub, iss } = mayAct;
  if (sub !== caller.sub) return false;
  return iss === undefined ? isNamedHere(subject, caller) : iss === caller.iss;
}

function audienceNames(subject: VerifiedToken, caller: Principal): boolean {
  const { audiences } = subject;
  if (isNamedHere(subject, caller) && audiences.includes(caller.sub)) return true;
  // Client ids are unique at one authorization server only.
  if (subject.principal.iss !== caller.iss) return false;
  return [caller.claims['client_id'], caller.claims['azp']].some(
    (id) => typeof id === 'string' && audiences.includes(id),
  );
}

/**
 * Whether a bare name in the subject's token can mean this caller: never by `sub` alone, since two issuers may both have an
 * "agent". A SPIFFE ID carries its own namespace, any other name is read in that of the token's issuer.
 */
function isNamedHere(subject: VerifiedToken, caller: Principal): boolean {
  return subject.principal.iss === caller.iss || caller.sub.startsWith('spiffe://');
}
