// Gauges whose values other features know: telemetry asks for them whenever metrics are read.
// Bounded labels only: issuers and upstreams are configured, never taken from a call.

import type { Audit } from '../audit/audit.ts';
import type { LogExport } from '../telemetry/log-export.ts';
import type { Telemetry } from '../telemetry/observe.ts';
import type { Carrier } from './carrier.ts';
import type { Gate } from './gate.ts';

export function watchGate(telemetry: Telemetry, gate: () => Gate): void {
  const { watch } = telemetry;
  watch('routes', () => routesByKind(gate()));
  watch('cacheEntries', () => [{ value: gate().broker.stats().entries, labels: [] }]);
  watch('jwksAge', () =>
    gate()
      .identity.status()
      .flatMap(({ trust, keysAgeSeconds: value }) => (value === undefined ? [] : [{ value, labels: [trust] }])),
  );
  const failures = keyFailures(gate);
  watch('jwksFailures', () => [...failures()].map(([trust, value]) => ({ value, labels: [trust] })));
  watch('upstreamQueue', () =>
    gate()
      .forwarding.stats()
      .upstreams.map(({ origin, queued }) => ({ value: queued, labels: [origin] })),
  );
  watchRevocations(telemetry, gate);
}

function routesByKind({ broker, routes }: Gate) {
  const kinds = new Map(broker.status().map(({ name, kind }) => [name, kind]));
  const counts = new Map<string, number>();
  for (const { config } of routes) {
    const kind = kinds.get(config.exchange) ?? 'none';
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, value]) => ({ value, labels: [kind] }));
}

function watchRevocations({ watch }: Telemetry, gate: () => Gate): void {
  const stats = () => gate().revocations?.stats();
  /** undefined where no list is configured: there is nothing to count then. */
  const list = () => gate().revocations?.status();
  watch('revocations', () => [...(stats()?.entries ?? [])].map(([kind, value]) => ({ value, labels: [kind] })));
  watch('revocationProblems', () => single(list()?.problemCount));
  watch('revocationCallsEnded', () => single(list() && stats()?.callsEnded));
}

function single(value: number | undefined) {
  return value === undefined ? [] : [{ value, labels: [] }];
}

export function watchAudit({ watch }: Telemetry, { stats }: Audit, copies?: LogExport): void {
  watch('auditRecords', () =>
    stats().records.map(({ event, outcome, count: value }) => ({ value, labels: [event, outcome] })),
  );
  watch('auditSequence', () => [{ value: stats().seq, labels: [] }]);
  watch('auditWaiting', () => [{ value: stats().waiting, labels: [] }]);
  if (copies === undefined) return;
  watch('auditCopies', () => copies.stats().copies.map(([outcome, value]) => ({ value, labels: [outcome] })));
  watch('auditCopiesWaiting', () => [{ value: copies.stats().waiting, labels: [] }]);
}

/** Of one worker: what it took, and records that never came as far as the main thread, which counts all others. */
export function watchWorker(
  { watch }: Telemetry,
  { worker, carrier, audit }: { readonly worker: number; readonly carrier: Carrier; readonly audit: Audit },
): void {
  watch('workerCalls', () => [{ value: carrier.taken(), labels: [String(worker)] }]);
  watch('auditRecords', () =>
    audit
      .stats()
      .records.filter(({ outcome }) => outcome !== 'accepted')
      .map(({ event, outcome, count: value }) => ({ value, labels: [event, outcome] })),
  );
}

/** Counts of one identity after the other: a reload makes a new one, and a counter must not go back. */
function keyFailures(gate: () => Gate): () => ReadonlyMap<string, number> {
  const before = new Map<string, number>();
  let identity = gate().identity;
  const add = (to: Map<string, number>) => {
    for (const { trust, fetchFailures } of identity.status()) {
      if (fetchFailures !== undefined) to.set(trust, (to.get(trust) ?? 0) + fetchFailures);
    }
    return to;
  };
  return () => {
    if (gate().identity !== identity) add(before);
    identity = gate().identity;
    return add(new Map(before));
  };
}
