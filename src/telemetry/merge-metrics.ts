// What several threads measured, as one: counters and histograms added up, gauges added up or the largest taken as their
// definition says. Each series stays what it was: merging never makes one that no thread has.

import { type DataPoint, DataPointType, type Histogram, type MetricData } from '@opentelemetry/sdk-metrics';
import { metricDefinitions } from './metric-definitions.ts';

/** Gauges of which every thread has its own view of one thing. */
const largest = new Set(
  Object.values(metricDefinitions).flatMap((definition) =>
    'across' in definition && definition.across === 'largest' ? [definition.name as string] : [],
  ),
);

export function mergeMetrics(threads: readonly (readonly MetricData[])[]): MetricData[] {
  const merged = new Map<string, MetricData>();
  for (const metric of threads.flat()) {
    const { name } = metric.descriptor;
    const before = merged.get(name);
    merged.set(name, before === undefined ? metric : join(before, metric));
  }
  return [...merged.values()];
}

/**
 * What must not be lost when a thread ends: what only ever grows. Without it a sum over threads would fall, and a rate over
 * it leap, whenever one is replaced.
 */
export function lasting(metrics: readonly MetricData[]): MetricData[] {
  return metrics.filter(
    (metric) =>
      metric.dataPointType === DataPointType.HISTOGRAM ||
      (metric.dataPointType === DataPointType.SUM && metric.isMonotonic),
  );
}

function join(a: MetricData, b: MetricData): MetricData {
  if (a.dataPointType === DataPointType.HISTOGRAM && b.dataPointType === DataPointType.HISTOGRAM) {
    return { ...a, dataPoints: joinPoints(a.dataPoints, b.dataPoints, addHistograms) };
  }
  if (a.dataPointType === DataPointType.SUM && b.dataPointType === DataPointType.SUM) {
    return { ...a, dataPoints: joinPoints(a.dataPoints, b.dataPoints, add) };
  }
  if (a.dataPointType === DataPointType.GAUGE && b.dataPointType === DataPointType.GAUGE) {
    const values = largest.has(a.descriptor.name) ? Math.max : add;
    return { ...a, dataPoints: joinPoints(a.dataPoints, b.dataPoints, values) };
  }
  return a; // one name is one kind in every thread
}

function joinPoints<T>(
  a: readonly DataPoint<T>[],
  b: readonly DataPoint<T>[],
  values: (a: T, b: T) => T,
): DataPoint<T>[] {
  const points = new Map(a.map((point) => [seriesOf(point), point]));
  for (const point of b) {
    const series = seriesOf(point);
    const before = points.get(series);
    points.set(series, before === undefined ? point : { ...before, value: values(before.value, point.value) });
  }
  return [...points.values()];
}

function seriesOf({ attributes }: DataPoint<unknown>): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function add(a: number, b: number): number {
  return a + b;
}

function addHistograms(a: Histogram, b: Histogram): Histogram {
  const { boundaries, counts } = a.buckets;
  return {
    buckets: { boundaries, counts: counts.map((count, bucket) => count + (b.buckets.counts[bucket] ?? 0)) },
    count: a.count + b.count,
    sum: (a.sum ?? 0) + (b.sum ?? 0),
  };
}
