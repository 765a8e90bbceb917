// Who makes a call, and for whom: reads what was presented, finds what is only named (by handle, by trace), ties the parties.
// It must never believe a caller's own word about its actor or its user, and never fall back from a token, handle or trace
// that failed to an identity that would do.

import { type Awaitable, whenReady } from '../base/awaitable.ts';
import { Refusal } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { StrippedCall } from '../call.ts';
import type { VerifiedToken } from '../principal.ts';
import type { Custody } from './custody.ts';
import { samePrincipal } from './delegation.ts';
import type { Verify } from './jwt.ts';
import type { OwnIdentity } from './own-identity.ts';
import {
  byCallerClaim,
  byCertificate,
  byHeld,
  bySidecar,
  byTransaction,
  byTwoTokens,
  isOwnToken,
  type Parties,
  peerOf,
  self,
} from './parties.ts';
import { type PresentedSubject, type PresentedTokens, pickTokens } from './presented.ts';
import type { Ties } from './ties.ts';
import { readProof } from './trace-subject.ts';
import type { Trust } from './trust.ts';

export interface EstablishOptions {
  readonly trust: Trust;
  readonly verify: Verify;
  readonly verifyTransaction: Verify;
  /** undefined in shared mode. */
  readonly own: OwnIdentity | undefined;
  /** Where tokens are held for the agent; undefined where none come in. */
  readonly custody: Custody | undefined;
  /** The trace a call's route takes its subject from, empty where the call has none; undefined for all other routes. */
  readonly subjectTrace: ((call: StrippedCall) => string | undefined) | undefined;
  readonly ties: Ties;
}

/** A subject's verified token, and what named it. */
interface Subject {
  readonly token: VerifiedToken;
  readonly by: PresentedSubject['kind'] | 'trace';
}

/** @returns a function that throws Refusal as `Identity.identify` does, at once or through the promise */
export function createEstablish(options: EstablishOptions): (call: StrippedCall) => Awaitable<Parties> {
  const { trust, verify, verifyTransaction, own, custody, ties } = options;
  const transactions = trust.domains.length > 0;

  /** A held token is never worth more than one presented now: its issuer, keys and times are looked at again. */
  function verifyAgain({ token, trust: name }: VerifiedToken): Awaitable<VerifiedToken> {
    return trust.named(name)?.config.accept === 'txn_token' ? verifyTransaction(token) : verify(token);
  }

  function redeem(handle: Secret): Awaitable<VerifiedToken> {
    if (own === undefined || custody === undefined) {
      throw new Refusal('handle_unknown', { detail: 'no token comes in through this gate' });
    }
    return verifyAgain(custody.handles.redeem(handle));
  }

  const readers = { token: verify, handle: redeem, transaction: verifyTransaction };

  function subjectOf({ subject }: PresentedTokens): Awaitable<Subject | undefined> {
    if (subject === undefined) return undefined;
    const { kind, value } = subject;
    return whenReady(readers[kind](value), (token) => ({ by: kind, token }));
  }

  /** One token in both places is one token. */
  function presenterOf({ own: presented, subject }: PresentedTokens): Awaitable<VerifiedToken | undefined> {
    const same = subject?.kind === 'token' && presented?.reveal() === subject.value.reveal();
    return presented === undefined || same ? undefined : verify(presented);
  }

  async function fromTrace(call: StrippedCall): Promise<Subject | undefined> {
    const traceId = options.subjectTrace?.(call);
    if (traceId === undefined) return undefined;
    if (custody === undefined)
      throw new Refusal('trace_subject_unknown', { detail: 'no call comes in through this gate' });
    return { by: 'trace', token: await verifyAgain(custody.traces.find(traceId, readProof(call.rawHeaders))) };
  }

  async function besideOwn(
    identity: OwnIdentity,
    call: StrippedCall,
    presenter: VerifiedToken | undefined,
    subject: Subject | undefined,
  ): Promise<Parties> {
    const silent = presenter === undefined && subject === undefined;
    const held = await identity.current();
    return inSidecar(trust, held, presenter, silent ? await fromTrace(call) : subject, call.peer.spiffeId);
  }

  function tie(
    call: StrippedCall,
    tokens: PresentedTokens,
    presenter: VerifiedToken | undefined,
    subject: Subject | undefined,
  ): Awaitable<Parties> {
    const { spiffeId } = call.peer;
    if (own !== undefined) return besideOwn(own, call, presenter, subject);
    if (subject?.by === 'transaction') return inTrustDomain(trust, presenter, subject.token, spiffeId);
    if (presenter !== undefined && subject !== undefined) return ties.ofTwo(presenter, subject.token);
    const only = presenter ?? subject?.token;
    if (only === undefined) throw new Refusal('token_missing');
    if (spiffeId !== undefined) return byCertificate(spiffeId, only);
    if (tokens.own !== undefined && isOwnToken(only)) return self(only);
    return byCallerClaim(trust.named(only.trust)?.config.caller_claim, only);
  }

  return function establish(call) {
    const placeholders = own !== undefined || call.peer.spiffeId !== undefined;
    const tokens = pickTokens(call.presented, { placeholders, transactions });
    return whenReady(subjectOf(tokens), (subject) =>
      whenReady(presenterOf(tokens), (presenter) => tie(call, tokens, presenter, subject)),
    );
  };
}

/** Presented tokens beside an identity of our own. A lone token is never its presenter's proof: the agent is the caller. */
function inSidecar(
  trust: Trust,
  own: VerifiedToken,
  presenter: VerifiedToken | undefined,
  subject: Subject | undefined,
  spiffeId: string | undefined,
): Parties {
  if (subject === undefined) return presenter === undefined ? self(own) : bySidecar(own, presenter);
  const isAgent =
    presenter === undefined || (isOwnToken(presenter) && samePrincipal(own.principal, presenter.principal));
  switch (subject.by) {
    case 'handle':
    case 'trace':
      // What was given to the agent serves nobody else, whoever got hold of it.
      if (!isAgent || (spiffeId !== undefined && spiffeId !== own.principal.sub)) {
        throw new Refusal('actor_not_bound', { detail: `a ${subject.by} used by another caller than the agent` });
      }
      return byHeld(own, subject.token, subject.by);
    case 'transaction':
      return inTrustDomain(trust, isAgent ? own : presenter, subject.token, undefined);
    case 'token':
      return isAgent ? bySidecar(own, subject.token) : byTwoTokens(presenter, subject.token);
  }
}

/** @throws Refusal caller_not_authenticated: a transaction token says nothing about its presenter */
export function inTrustDomain(
  trust: Trust,
  presenter: VerifiedToken | undefined,
  transaction: VerifiedToken,
  spiffeId: string | undefined,
): Parties {
  const callers = trust.named(transaction.trust)?.config.callers ?? [];
  const peer = presenter === undefined && spiffeId !== undefined ? peerOf(spiffeId) : undefined;
  const caller = presenter ?? peer;
  if (caller === undefined) throw new Refusal('caller_not_authenticated', { detail: 'a transaction token alone' });
  return byTransaction(caller, transaction, callers);
}
