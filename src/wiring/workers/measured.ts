// What the workers measured, as last seen of each, and what those measured that have ended: a sum over all of them must not
// fall when one is replaced, nor when one does not answer a scrape.

import type { MetricData } from '@opentelemetry/sdk-metrics';
import { lasting, mergeMetrics } from '../../telemetry/merge-metrics.ts';

export interface Measured {
  saw(worker: number, metrics: readonly MetricData[]): void;
  ended(worker: number): void;
  all(): readonly (readonly MetricData[])[];
}

export function createMeasured(): Measured {
  const seen = new Map<number, readonly MetricData[]>();
  let gone: readonly MetricData[] = [];
  return {
    saw: (worker, metrics) => void seen.set(worker, metrics),
    ended(worker) {
      gone = mergeMetrics([gone, lasting(seen.get(worker) ?? [])]);
      seen.delete(worker);
    },
    all: () => [gone, ...seen.values()],
  };
}
