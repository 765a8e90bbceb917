// Who is calling, and for whom: turns verified tokens into caller, subject and the tie between them. One function per way
// a caller can be known. It must never take a token's subject for its presenter, or let an unbound caller act.

import { Refusal } from '../base/errors.ts';
import type { Binding, Principal, VerifiedToken } from '../principal.ts';
import { bindActor, isActor, isName, samePrincipal } from './delegation.ts';

export interface Parties {
  readonly caller: Principal;
  readonly subjectToken: VerifiedToken;
  /** undefined when the caller is the subject, and when it is known by certificate or claim instead of a token. */
  readonly actorToken: VerifiedToken | undefined;
  readonly binding: Binding;
}

/** A workload acting for itself. A token that names actors is somebody acting for its subject, and never `self`. */
export function isOwnToken(token: VerifiedToken): boolean {
  return token.principal.kind === 'workload' && token.actors.length === 0;
}

export function self(token: VerifiedToken): Parties {
  return { caller: token.principal, subjectToken: token, actorToken: undefined, binding: 'self' };
}

/**
 * The caller proved itself with its own token and presents the subject's as well.
 * @throws Refusal caller_not_authenticated, chain_malformed, may_act_mismatch, actor_not_bound
 */
export function byTwoTokens(own: VerifiedToken, subject: VerifiedToken): Parties {
  requireOwn(own);
  if (isOwnToken(subject) && samePrincipal(own.principal, subject.principal)) return self(subject);
  const binding = bindActor(subject, own.principal);
  return { caller: own.principal, subjectToken: subject, actorToken: own, binding };
}

/**
 * The sidecar, or its agent by a token of the same identity, acts for the subject. A user's token that names no other actor
 * is taken on the word of the deployment: this gate serves one agent. Another workload's token, or one that another actor
 * holds, must name us: it was not made for our agent, and without a tie a stolen one would do.
 * @throws Refusal may_act_mismatch, actor_not_bound
 */
export function bySidecar(own: VerifiedToken, subject: VerifiedToken): Parties {
  if (isOwnToken(subject) && samePrincipal(own.principal, subject.principal)) return self(subject);
  return { caller: own.principal, subjectToken: subject, actorToken: own, binding: sidecarBinding(own, subject) };
}

/**
 * The peer's client certificate proves the caller.
 * @throws Refusal may_act_mismatch, actor_not_bound
 */
export function byCertificate(spiffeId: string, subject: VerifiedToken): Parties {
  if (isOwnToken(subject) && subject.principal.sub === spiffeId) return self(subject);
  const caller = peerOf(spiffeId);
  bindActor(subject, caller);
  return { caller, subjectToken: subject, actorToken: undefined, binding: 'peer_certificate' };
}

/** The workload a verified certificate names; its trust domain is its issuer. */
export function peerOf(spiffeId: string): Principal {
  const [trustDomain = spiffeId] = /^spiffe:\/\/[^/]+/.exec(spiffeId) ?? [];
  return { kind: 'workload', iss: trustDomain, sub: spiffeId, claims: {} };
}

/**
 * The agent acts for the subject of a call that came in to it: the token was presented to this sidecar and never left it, so
 * it need not name us besides; a `may_act` that names another forbids it all the same.
 * @throws Refusal may_act_mismatch
 */
export function byHeld(own: VerifiedToken, subject: VerifiedToken, binding: 'handle' | 'trace'): Parties {
  if (isOwnToken(subject) && samePrincipal(own.principal, subject.principal)) return self(subject);
  if (subject.mayAct !== undefined) bindActor(subject, own.principal);
  return { caller: own.principal, subjectToken: subject, actorToken: own, binding };
}

/**
 * The caller uses a transaction token of its trust domain. Such a token names no presenter, so membership is the tie.
 * @param caller by its own token, or by certificate
 * @param members names of trust entries, and SPIFFE trust domains, whose workloads belong to the domain
 * @throws Refusal caller_not_authenticated, chain_malformed, actor_not_bound, may_act_mismatch
 */
export function byTransaction(
  caller: VerifiedToken | Principal,
  transaction: VerifiedToken,
  members: readonly string[],
): Parties {
  const actorToken = 'token' in caller ? caller : undefined;
  const principal = 'token' in caller ? caller.principal : caller;
  if (actorToken !== undefined) requireOwn(actorToken);
  if (!members.includes(actorToken?.trust ?? principal.iss)) {
    throw new Refusal('actor_not_bound', { detail: 'the caller is no workload of the trust domain' });
  }
  if (transaction.mayAct !== undefined) bindActor(transaction, principal);
  return { caller: principal, subjectToken: transaction, actorToken, binding: 'trust_domain' };
}

/**
 * A call to the agent: the token alone says for whom, and through whom. Its outermost actor is the caller (RFC 8693 section
 * 4.1); without actors the subject calls itself.
 */
export function byBearer(token: VerifiedToken): Parties {
  const { principal, actors } = token;
  const [current] = actors;
  const caller: Principal =
    current === undefined
      ? principal
      : { kind: 'workload', iss: current.iss ?? principal.iss, sub: current.sub, claims: current.claims };
  return { caller, subjectToken: token, actorToken: undefined, binding: 'bearer' };
}

/**
 * The subject's token names the client it was issued to, and this issuer's word for the caller was chosen in configuration.
 * @throws Refusal caller_not_authenticated, may_act_mismatch
 */
export function byCallerClaim(claim: 'azp' | 'client_id' | undefined, subject: VerifiedToken): Parties {
  const client = claim === undefined ? undefined : subject.principal.claims[claim];
  if (claim === undefined || !isName(client)) {
    throw new Refusal('caller_not_authenticated', { detail: 'a subject token alone does not say who presents it' });
  }
  const { iss } = subject.principal;
  const caller: Principal = { kind: 'workload', iss, sub: client, claims: { iss, sub: client, [claim]: client } };
  if (subject.mayAct !== undefined) bindActor(subject, caller);
  return { caller, subjectToken: subject, actorToken: undefined, binding: 'caller_claim' };
}

/** An actor is a workload, itself undelegated: else it is undecided whose chain this is. */
function requireOwn(own: VerifiedToken): void {
  if (own.principal.kind !== 'workload') {
    throw new Refusal('caller_not_authenticated', { detail: 'the token in the SDK slot is not a workload' });
  }
  if (own.actors.length > 0) throw new Refusal('chain_malformed', { detail: "the caller's own token names actors" });
}

function sidecarBinding(own: VerifiedToken, subject: VerifiedToken): Binding {
  if (mustNameUs(own, subject)) return bindActor(subject, own.principal);
  try {
    return bindActor(subject, own.principal);
  } catch (failure) {
    if (failure instanceof Refusal && failure.reason === 'actor_not_bound') return 'sidecar';
    throw failure;
  }
}

function mustNameUs(own: VerifiedToken, subject: VerifiedToken): boolean {
  if (subject.principal.kind === 'workload' || subject.mayAct !== undefined) return true;
  const [current] = subject.actors;
  return current !== undefined && !isActor(current, own.principal, subject.principal.iss);
}
