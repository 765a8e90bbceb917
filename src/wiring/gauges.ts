// Gauges whose values other features know: telemetry asks for them whenever metrics are read.
// Bounded labels only: issuers and upstreams are configured, never taken from a call.

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
