// Draws the consequences of entries that came: asks everybody attached to let go of what the entries concern, and counts it.
// One of them failing must never keep another from letting go.

import type { Refusal } from '../base/errors.ts';
import type { ArmedCall } from '../call.ts';
import type { CredentialFacts } from '../credential.ts';
import type { VerifiedToken } from '../principal.ts';
import { anyIssuer, type Entry } from './entry.ts';
import { createMatcher } from './matcher.ts';

/** What somebody holds that ends with a revocation. Each returns how many of them ended. */
export interface Enforcer {
  /** Credentials of a party, cached or being obtained; `iss` undefined for a party of any issuer. */
  forget?(member: { readonly iss: string | undefined; readonly sub: string }): number;
  /** Credentials by what can be told of them. */
  forgetIssued?(concerned: (facts: CredentialFacts) => boolean): number;
  /** Handles and traces that stand for a token. */
  endTokens?(concerned: (token: VerifiedToken) => boolean): number;
  /** Live calls: those not yet answered are refused, others are cut. */
  endCalls?(why: (call: ArmedCall) => Refusal | undefined): number;
}

/** How much ended. */
export interface EndedCounts {
  credentials: number;
  handles: number;
  calls: number;
}

export interface Revoked {
  readonly entry: Entry;
  /** Because of it. */
  readonly ended: Readonly<EndedCounts>;
}

export interface Enforcement {
  attach(enforcer: Enforcer): () => void;
  /** Every call, handle and credential is looked at once, however many entries came. */
  enforce(came: readonly Entry[]): { readonly revoked: readonly Revoked[]; readonly failures: readonly unknown[] };
  callsEnded(): number;
}

type Step = () => void;

export function createEnforcement(now: () => number, refusalFor: (entry: Entry) => Refusal): Enforcement {
  const enforcers = new Set<Enforcer>();
  let callsEnded = 0;

  function stepsOf(enforcer: Enforcer, came: readonly Entry[], ended: ReadonlyMap<Entry, EndedCounts>): Step[] {
    const matcher = createMatcher(now);
    for (const entry of came) matcher.add(entry);
    const count = (what: keyof EndedCounts, entry: Entry | undefined): Entry | undefined => {
      const counts = entry && ended.get(entry);
      if (counts !== undefined) counts[what] += 1;
      return entry;
    };

    function forgetParties(): void {
      for (const [entry, counts] of ended) {
        if ('party' in entry) counts.credentials += enforcer.forget?.(memberOf(entry.party)) ?? 0;
      }
    }

    function forgetIssued(): void {
      if (came.every(({ kind }) => kind !== 'token')) return;
      enforcer.forgetIssued?.((facts) => count('credentials', matcher.ofCredential(facts)) !== undefined);
    }

    function endCalls(): void {
      const why = (call: ArmedCall) => {
        const entry = count('calls', matcher.ofCall(call));
        return entry && refusalFor(entry);
      };
      callsEnded += enforcer.endCalls?.(why) ?? 0;
    }

    return [
      () => enforcer.endTokens?.((token) => count('handles', matcher.ofToken(token)) !== undefined),
      forgetParties,
      forgetIssued,
      endCalls,
    ];
  }

  return {
    attach(enforcer) {
      enforcers.add(enforcer);
      return () => enforcers.delete(enforcer);
    },
    enforce(came) {
      const ended = new Map(came.map((entry) => [entry, { credentials: 0, handles: 0, calls: 0 }]));
      const failures: unknown[] = [];
      for (const step of [...enforcers].flatMap((enforcer) => stepsOf(enforcer, came, ended))) {
        try {
          step();
        } catch (failure) {
          failures.push(failure);
        }
      }
      return { revoked: [...ended].map(([entry, counts]) => ({ entry, ended: counts })), failures };
    },
    callsEnded: () => callsEnded,
  };
}

function memberOf({ iss, sub }: { iss: string; sub: string }): { iss: string | undefined; sub: string } {
  return { iss: iss === anyIssuer ? undefined : iss, sub };
}
