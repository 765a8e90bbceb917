// Whether the whole crew can serve: every worker there, and each of them ready. What one knows of issuers is told together with
// what the others know: a failure anywhere shows.

import type { Readiness } from '../readiness.ts';

type Exchange = Readiness['exchanges'][number];
type Trust = Readiness['trust'][number];

/** @param workers by number; undefined for one that is not there or does not answer */
export function mergeReadiness(workers: ReadonlyMap<number, Readiness | undefined>): Readiness {
  const there = [...workers.values()].filter((state) => state !== undefined);
  const missing = [...workers].flatMap(([worker, state]) => (state === undefined ? [`worker ${worker}`] : []));
  const [first] = there;
  return {
    ready: missing.length === 0 && there.every(({ ready }) => ready),
    waitingFor: [...missing, ...new Set(there.flatMap(({ waitingFor }) => waitingFor))],
    trust: byName(
      there.flatMap(({ trust }) => trust),
      ({ trust }) => trust,
      joinTrust,
    ),
    exchanges: byName(
      there.flatMap(({ exchanges }) => exchanges),
      ({ name }) => name,
      joinExchange,
    ),
    ...(first?.revocations && { revocations: first.revocations }),
  };
}

function byName<T>(all: readonly T[], nameOf: (one: T) => string, join: (a: T, b: T) => T): readonly T[] {
  return [...Map.groupBy(all, nameOf).values()].map((same) => same.reduce(join));
}

/** That of the two which is worse. */
function joinTrust(a: Trust, b: Trust): Trust {
  if (a.ready !== b.ready) return a.ready ? b : a;
  return (a.keysAgeSeconds ?? 0) >= (b.keysAgeSeconds ?? 0) ? a : b;
}

function joinExchange(a: Exchange, b: Exchange): Exchange {
  const failures = [a.lastFailure, b.lastFailure].filter((failure) => failure !== undefined);
  return {
    ...a,
    ready: a.ready && b.ready,
    inFlight: a.inFlight + b.inFlight,
    lastSuccessAt: latest(a.lastSuccessAt, b.lastSuccessAt),
    lastFailure: failures.sort((one, other) => other.at - one.at)[0],
  };
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
