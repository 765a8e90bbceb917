// The OpenTelemetry SDK, wired by hand: span export, metric readers and exporter, one resource. Registers nothing
// globally and instruments nothing: an automatic undici span would send a second traceparent.
// Without a collector nothing is pushed anywhere; /metrics is served either way. Must never block or fail a call.

import { defaultResource, type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  AggregationType,
  type CollectionResult,
  type IMetricReader,
  MeterProvider,
  type MetricData,
  type MetricProducer,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import type { Log } from '../base/ports.ts';
import type { Secret } from '../base/secret.ts';
import type { TelemetrySettings } from './environment.ts';
import { mergeMetrics } from './merge-metrics.ts';
import { createMetricExporter } from './metric-export.ts';
import type { AttributeBlock, WriteAttributes } from './otlp-attributes.ts';
import { createPost } from './otlp-post.ts';
import { renderPrometheus } from './prometheus.ts';
import { createSpanEncoder, type SpanData } from './span-data.ts';
import { createSpanExport } from './span-export.ts';

/** Longest wait for a collector at shutdown, in milliseconds: an unreachable one must not hold a deployment. */
const maxClose = 3_000;

/** SDK series of one instrument. */
const maxSeries = 1_000;

export const scopeName = 'postern';

export interface OtelOptions {
  readonly settings: TelemetrySettings;
  readonly headers: Readonly<Record<string, Secret>> | undefined;
  readonly version: string;
  /** service.instance.id: of spans, metrics and copies of audit records alike. */
  readonly instance: string;
  readonly collect: () => MetricData[];
  readonly log: Log;
}

export interface Otel {
  /** Queues a finished span for export; undefined when spans go nowhere. */
  readonly write: ((span: SpanData) => void) | undefined;
  /** Encodes attributes that several spans will share. */
  block(write: WriteAttributes): AttributeBlock;
  /** Everything measured so far, as the SDK's readers would see it. */
  collect(): Promise<MetricData[]>;
  /** @param others what other threads measured, to be told as one with our own */
  prometheus(others?: readonly (readonly MetricData[])[]): Promise<string>;
  /** Rejects when the collector did not take what was pending. */
  flush(): Promise<void>;
  /** Flushes and stops; resolves after at most three seconds, whatever the collector does. */
  close(): Promise<void>;
}

export function createOtel({ settings, headers, version, instance, collect, log }: OtelOptions): Otel {
  const resource = createResource(settings, version, instance);
  const scope = { name: scopeName, version };
  const own = createProducer(collect, resource, scope);
  const exporterHeaders = () => Promise.resolve(revealHeaders(headers, settings.headersFromEnvironment));

  const pull = createPullReader();
  const readers: IMetricReader[] = [pull.reader];
  const { metricsUrl, metricTimeout } = settings;
  if (metricsUrl !== undefined) {
    const post = createPost({ url: metricsUrl, headers: exporterHeaders, signal: 'METRICS' });
    readers.push(
      new PeriodicExportingMetricReader({
        exporter: createMetricExporter({ post, timeoutMs: metricTimeout, log }),
        exportIntervalMillis: settings.metricInterval,
        exportTimeoutMillis: metricTimeout,
        metricProducers: [own],
      }),
    );
  }
  const meters = new MeterProvider({ resource, readers });

  const encoder = createSpanEncoder(settings.valueLength);
  const { tracesUrl: url, batch } = settings;
  const spans =
    url === undefined
      ? undefined
      : createSpanExport({
          post: createPost({ url, headers: exporterHeaders, signal: 'TRACES' }),
          batch,
          encoder,
          resource,
          scope,
          meters,
          log,
        });

  async function collectAll(): Promise<MetricData[]> {
    const results = await Promise.all([own.collect(), pull.collect()]);
    return results.flatMap(({ resourceMetrics }) => resourceMetrics.scopeMetrics.flatMap((one) => one.metrics));
  }

  return {
    write: spans?.write,
    block: encoder.block,
    collect: collectAll,
    async prometheus(others = []) {
      const own = await collectAll();
      return renderPrometheus(others.length === 0 ? own : mergeMetrics([own, ...others]), resource.attributes);
    },
    async flush() {
      await Promise.all([spans?.flush(), meters.forceFlush()]);
    },
    async close() {
      const stopped = Promise.allSettled([spans?.close(), meters.shutdown()]);
      if (!(await within(stopped, maxClose))) log.warn({}, 'telemetry: collector did not answer, last spans are lost');
    },
  };
}

export function createResource({ resource }: TelemetrySettings, version: string, instance: string): Resource {
  const own = { 'service.version': version, 'service.instance.id': instance };
  return defaultResource().merge(resourceFromAttributes({ ...own, ...resource }));
}

/** Our own instruments, in the form the SDK's readers take. */
function createProducer(collect: () => MetricData[], resource: Resource, scope: { name: string }): MetricProducer {
  return {
    collect: async () => ({
      resourceMetrics: { resource, scopeMetrics: [{ scope, metrics: collect() }] },
      errors: [],
    }),
  };
}

/** Reads the SDK's own metrics (otel.sdk.*: spans dropped, queue) when /metrics is asked for. */
function createPullReader(): { readonly reader: IMetricReader; collect(): Promise<CollectionResult> } {
  let producer: MetricProducer | undefined;
  const collect = () => {
    if (producer === undefined) throw new Error('the metric reader has no producer');
    return producer.collect();
  };
  return {
    collect,
    reader: {
      setMetricProducer(given) {
        producer = given;
      },
      selectAggregation: () => ({ type: AggregationType.DEFAULT }),
      selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE,
      selectCardinalityLimit: () => maxSeries,
      collect,
      shutdown: () => Promise.resolve(),
      forceFlush: () => Promise.resolve(),
    },
  };
}

/** Configured headers, without those the environment sets: the exporters add these themselves. */
export function revealHeaders(
  headers: Readonly<Record<string, Secret>> | undefined,
  fromEnvironment: ReadonlySet<string>,
): Record<string, string> {
  const revealed: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (!fromEnvironment.has(name.toLowerCase())) revealed[name] = value.reveal();
  }
  return revealed;
}

/** Whether `work` was done in time; it goes on either way. */
async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
    timer.unref();
  });
  const inTime = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
}
