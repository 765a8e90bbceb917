// Who calls the agent, and for whom: verifies the one token of an inbound call. What the agent may then do with it is decided
// on its way out, call by call.
// Must never take part of what was presented for the whole, nor accept a token that was made for another agent.

import { Refusal } from '../base/errors.ts';
import type { StrippedCall } from '../call.ts';
import type { VerifiedToken } from '../principal.ts';
import { type EstablishOptions, inTrustDomain } from './establish.ts';
import { byBearer, isOwnToken, type Parties } from './parties.ts';
import { pickInbound } from './presented.ts';
import type { InboundIdentityConfig } from './schema.ts';

export type ReceiveRules = Pick<InboundIdentityConfig, 'trust' | 'audiences' | 'on_behalf_of'>;

/** @returns a function that throws Refusal as `Identity.receive` does */
export function createReceive(
  { trust, verify, verifyTransaction }: EstablishOptions,
  rules: ReceiveRules,
): (call: StrippedCall) => Promise<Parties> {
  const transactions = trust.domains.length > 0;

  function admit(token: VerifiedToken): VerifiedToken {
    if (rules.trust?.includes(token.trust) !== false) return token;
    throw new Refusal('token_issuer_unknown', { detail: `tokens of ${token.trust} are not accepted from callers` });
  }

  /** A transaction token is for a whole domain; any other must be for this agent. */
  function admitNamed(token: VerifiedToken): VerifiedToken {
    const named = rules.audiences?.some((audience) => token.audiences.includes(audience));
    if (named === false) throw new Refusal('token_audience_mismatch', { detail: token.audiences.join(' ') });
    return admit(token);
  }

  async function partiesOf(call: StrippedCall): Promise<Parties> {
    const { own, subject } = pickInbound(call.presented, transactions);
    const presenter = own === undefined ? undefined : admitNamed(await verify(own));
    if (subject !== undefined) {
      const transaction = admit(await verifyTransaction(subject.value));
      return inTrustDomain(trust, presenter, transaction, call.peer.spiffeId);
    }
    if (presenter === undefined) throw new Refusal('token_missing');
    return byBearer(presenter);
  }

  return async function receive(call) {
    const parties = await partiesOf(call);
    const forItself = isOwnToken(parties.subjectToken) && parties.binding === 'bearer';
    if (forItself && (rules.on_behalf_of === 'required' || rules.on_behalf_of === 'required_any')) {
      throw new Refusal('subject_missing', { detail: 'the caller acts for itself' });
    }
    if (rules.on_behalf_of === 'required' && parties.subjectToken.principal.kind !== 'user') {
      throw new Refusal('subject_not_a_user', { detail: 'the caller acts for another workload' });
    }
    if (!forItself && rules.on_behalf_of === 'never') {
      throw new Refusal('subject_not_allowed', { detail: 'the agent is called by workloads for themselves only' });
    }
    return parties;
  };
}
