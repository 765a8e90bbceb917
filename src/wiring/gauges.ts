// Gauges whose values other features know: telemetry asks for them whenever metrics are read.
// Bounded labels only: issuers and upstreams are configured, never taken from a call.

import type { Audit } from '../audit/audit.ts';
import type { Telemetry } from '../telemetry/observe.ts';
import type { Gate } from './gate.ts';

export function watchGate({ watch }: Telemetry, gate: () => Gate): void {
  watch('cacheEntries', () => [{ value: gate().broker.stats().entries, labels: [] }]);
  watch('jwksAge', () =>
    gate()
      .identity.status()
      .flatMap(({ trust, keysAgeSeconds: value }) => (value === undefined ? [] : [{ value, labels: [trust] }])),
  );
  watch('upstreamQueue', () =>
    gate()
      .forwarding.stats()
      .upstreams.map(({ origin, queued }) => ({ value: queued, labels: [origin] })),
  );
}

export function watchAudit({ watch }: Telemetry, { stats }: Audit): void {
  watch('auditRecords', () =>
    stats().records.map(({ event, outcome, count: value }) => ({ value, labels: [event, outcome] })),
  );
  watch('auditSequence', () => [{ value: stats().seq, labels: [] }]);
  watch('auditWaiting', () => [{ value: stats().waiting, labels: [] }]);
}
