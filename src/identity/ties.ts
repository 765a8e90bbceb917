// What follows from the tokens of a call, remembered with the subject's and given up with it: the parties that two tokens make,
// and the chain. Whatever else follows from a chain is remembered by it (4 us of each call in the exchange, 3 us in telemetry).
// Both in one place: of a user who is one of thousands nothing is near, and each place looked at took 0.3 us.
// Must never remember anything but what the very same tokens would say again.

import { randomUUID } from 'node:crypto';
import { delegationRoot } from '../base/delegation-root.ts';
import { createRemembered } from '../base/remembered.ts';
import type { DelegationChain, VerifiedToken } from '../principal.ts';
import { growChain } from './delegation.ts';
import { byTwoTokens, type Parties } from './parties.ts';

export interface Ties {
  /** As `byTwoTokens`. @throws Refusal as it does */
  ofTwo(own: VerifiedToken, subject: VerifiedToken): Parties;
  /** @throws Refusal chain_loop, chain_too_deep */
  chainOf(parties: Parties): DelegationChain;
}

/** The parties, with what they were made of and the chain that was made of them. */
interface Tie extends Parties {
  /** Undefined where they were not made of two tokens. */
  readonly own: VerifiedToken | undefined;
  chain: DelegationChain | undefined;
}

export function createTies(maxDepth: number): Ties {
  const known = createRemembered<VerifiedToken, Tie>('tie');

  function keepChain(parties: Parties, chain: DelegationChain): void {
    const { subjectToken } = parties;
    const tie = known.get(subjectToken);
    if (tie === parties) tie.chain = chain;
    else known.set(subjectToken, { ...parties, own: undefined, chain });
  }

  return {
    ofTwo(own, subject) {
      const before = known.get(subject);
      if (before?.own === own) return before;
      const tie = { ...byTwoTokens(own, subject), own, chain: undefined };
      known.set(subject, tie);
      return tie;
    },
    chainOf(parties) {
      const { subjectToken, caller } = parties;
      const tie = known.get(subjectToken);
      if (tie?.chain !== undefined && tie.caller === caller) return tie.chain;
      const chain = makeChain(parties, maxDepth);
      // A token without an id begins a delegation of its own with every call.
      if (subjectToken.txn !== undefined || subjectToken.jti !== undefined) keepChain(parties, chain);
      return chain;
    },
  };
}

function makeChain({ subjectToken, caller }: Parties, maxDepth: number): DelegationChain {
  const rootId = rootOf(subjectToken);
  const subject = subjectToken.principal;
  // The very same principal: a caller that acts for itself. One who only has its name still joins a chain, and is a loop.
  if (caller === subject) return { subject, actors: [], prior: [], rootId };
  return growChain(subjectToken, caller, { maxDepth, rootId });
}

/** `txn` where the token carries it on, else the id of the delegation that begins with this token. */
function rootOf({ txn, jti, principal }: VerifiedToken): string {
  return txn ?? (jti === undefined ? randomUUID() : delegationRoot(principal.iss, jti));
}
