// Whether the gate can serve: keys of every trusted issuer and every exchange have been reached at least once.
// Latched: an issuer that goes away later must not take every replica out of rotation while cached keys still serve.

import type { Clock } from '../base/ports.ts';
import type { ExchangeStatus } from '../exchange/broker.ts';
import type { IdentityStatus } from '../identity/identify.ts';
import type { ListStatus } from '../revocation/follow.ts';
import type { Gate } from './gate.ts';

/** Between two attempts to reach issuers that were not there, in milliseconds; probes come more often than this. */
const retryMs = 2_000;

export interface Readiness {
  readonly ready: boolean;
  readonly waitingFor: readonly string[];
  readonly trust: readonly IdentityStatus[];
  readonly exchanges: readonly ExchangeStatus[];
  /** Where a list of revocations is configured. */
  readonly revocations?: Pick<ListStatus, 'problems' | 'problemCount'> & { readonly entries: number };
}

export interface ReadinessCheck {
  /** Warms what is not ready yet, at most every {@link retryMs}, and says how it stands. */
  check(): Promise<Readiness>;
}

export function createReadiness(gate: Gate, clock: Clock): ReadinessCheck {
  let latched = false;
  let attempt: Promise<void> | undefined;
  let attemptedAt = Number.NEGATIVE_INFINITY;

  async function warm(): Promise<void> {
    if (clock.now() - attemptedAt >= retryMs) {
      attemptedAt = clock.now();
      attempt = Promise.all([gate.identity.warm(), gate.broker.warm()]).then(() => undefined);
    }
    await attempt;
  }

  return {
    async check() {
      if (!latched) await warm();
      const trust = gate.identity.status();
      const exchanges = gate.broker.status();
      const list = gate.revocations?.status();
      const waitingFor = [
        ...trust.filter(({ ready }) => !ready).map(({ trust: name }) => `trust ${name}`),
        ...exchanges.filter(({ ready }) => !ready).map(({ name }) => `exchange ${name}`),
      ];
      latched ||= waitingFor.length === 0;
      const revocations = list && { revocations: revocationsOf(gate, list) };
      return { ready: latched, waitingFor: latched ? [] : waitingFor, trust, exchanges, ...revocations };
    },
  };
}

function revocationsOf(
  { revocations }: Gate,
  { problems, problemCount }: ListStatus,
): Readiness['revocations'] & object {
  const entries = [...(revocations?.stats().entries.values() ?? [])].reduce((sum, count) => sum + count, 0);
  return { entries, problemCount, problems };
}
