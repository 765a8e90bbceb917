// Counters and histograms for the hot path: a few map lookups and an addition (the SDK's own cost 1 to 2 us each), or the
// addition alone for who keeps the series.
// Collected in the SDK's own data model, so that OTLP and /metrics say the same.
// Must never grow with what callers send: each instrument has a bound on its series, the rest is counted together.

import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';
import { AggregationTemporality, DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';
import type { Clock } from '../base/ports.ts';
import { toHrTime } from './span-data.ts';

/** Series of one instrument (OpenTelemetry cardinality limit); stops labels from filling memory and backends. */
const maxSeries = 1_000;

/** Longest label value, in characters. */
const maxLabel = 128;

export interface Definition {
  readonly name: string;
  readonly kind: 'counter' | 'updown' | 'histogram' | 'gauge';
  /** UCUM unit: `s`, `By`, or an annotation such as `{call}`. */
  readonly unit: string;
  readonly description: string;
  /** Names of the labels, in the order their values are given. */
  readonly labels: readonly string[];
  /** Upper bounds of the buckets, for histograms. */
  readonly buckets?: readonly number[];
  /** Of a gauge: what it comes to over several threads; their sum when absent. */
  readonly across?: 'largest';
}

/** One value for each label, in order; undefined where it does not apply. */
export type Labels = readonly (string | undefined)[];

export interface Instrument {
  /** Adds to a counter, records into a histogram, sets a gauge. */
  record(value: number, labels: Labels): void;
  /** Where `record` would put it, to be kept and told to {@link tally}: not of a gauge, whose series are forgotten. */
  series(labels: Labels): Series;
  /** Forgets every series: for gauges whose labels come and go. */
  clear(): void;
}

/** Found by one label after the other: joining them to one key made and hashed a text each time (a third of the time). */
interface Branch {
  readonly branches: Map<string | undefined, Branch>;
  series: Series | undefined;
}

export interface Series {
  readonly attributes: Attributes;
  value: number;
  count: number;
  readonly counts: Float64Array;
  readonly bounds: Float64Array;
  /** Of a gauge: the last value stands for itself. */
  readonly sets: boolean;
}

/** Adds to a counter, records into a histogram, sets a gauge. */
export function tally(series: Series, value: number): void {
  if (!Number.isFinite(value)) return;
  const { bounds, counts } = series;
  series.count += 1;
  series.value = series.sets ? value : series.value + value;
  let bucket = 0;
  while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket += 1;
  counts[bucket] = (counts[bucket] ?? 0) + 1;
}

export interface Instruments {
  define(definition: Definition): Instrument;
  collect(): MetricData[];
}

/** Labels that are numbers in the semantic conventions. */
const numeric = new Set(['http.response.status_code', 'server.port']);

const overflow: Attributes = { 'otel.metric.overflow': true };

export function createInstruments({ clock }: { clock: Clock }): Instruments {
  const started = toHrTime(clock.now());
  const all: { definition: Definition; series: Series[] }[] = [];
  return {
    define(definition) {
      const series: Series[] = [];
      all.push({ definition, series });
      return createInstrument(definition, series);
    },
    collect() {
      const now = toHrTime(clock.now());
      return all
        .filter(({ series }) => series.length > 0)
        .map((one) => metricData(one.definition, one.series, started, now));
    },
  };
}

function createInstrument(definition: Definition, all: Series[]): Instrument {
  const bounds = Float64Array.from(definition.buckets ?? []);
  const sets = definition.kind === 'gauge';
  let root = newBranch();
  let rest: Series | undefined;

  function seriesOf(labels: Labels): Series {
    let branch = root;
    for (const label of labels) {
      const known = branch.branches.get(label || undefined);
      if (known === undefined) return add(labels);
      branch = known;
    }
    return branch.series ?? add(labels);
  }

  function add(labels: Labels): Series {
    if (all.length >= maxSeries) {
      rest ??= newSeries(overflow);
      return rest;
    }
    let branch = root;
    for (const label of labels) {
      const next = branch.branches.get(label || undefined) ?? newBranch();
      branch.branches.set(label || undefined, next);
      branch = next;
    }
    branch.series = newSeries(attributesOf(definition.labels, labels));
    return branch.series;
  }

  function newSeries(attributes: Attributes): Series {
    const series = { attributes, value: 0, count: 0, counts: new Float64Array(bounds.length + 1), bounds, sets };
    all.push(series);
    return series;
  }

  return {
    clear() {
      all.length = 0;
      root = newBranch();
      rest = undefined;
    },
    record(value, labels) {
      if (Number.isFinite(value)) tally(seriesOf(labels), value);
    },
    series: seriesOf,
  };
}

function newBranch(): Branch {
  return { branches: new Map(), series: undefined };
}

function attributesOf(names: readonly string[], values: Labels): Attributes {
  const attributes: Attributes = {};
  for (const [index, name] of names.entries()) {
    const value = values[index];
    if (value !== undefined && value !== '')
      attributes[name] = numeric.has(name) ? Number(value) : value.slice(0, maxLabel);
  }
  return attributes;
}

function metricData(definition: Definition, series: readonly Series[], startTime: HrTime, endTime: HrTime): MetricData {
  const { name, unit, description, kind, buckets } = definition;
  const descriptor = { name, unit, description, valueType: kind === 'histogram' ? ValueType.DOUBLE : ValueType.INT };
  const points = series.map(({ attributes, value }) => ({ attributes, value, startTime, endTime }));
  const aggregationTemporality = AggregationTemporality.CUMULATIVE;
  if (kind === 'histogram') {
    const boundaries = [...(buckets ?? [])];
    const dataPoints = series.map(({ attributes, value, count, counts }) => ({
      attributes,
      startTime,
      endTime,
      value: { buckets: { boundaries, counts: [...counts] }, count, sum: value },
    }));
    return { descriptor, aggregationTemporality, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  if (kind === 'gauge') {
    const double = { ...descriptor, valueType: ValueType.DOUBLE };
    return { descriptor: double, aggregationTemporality, dataPointType: DataPointType.GAUGE, dataPoints: points };
  }
  const isMonotonic = kind === 'counter';
  return { descriptor, aggregationTemporality, dataPointType: DataPointType.SUM, dataPoints: points, isMonotonic };
}
