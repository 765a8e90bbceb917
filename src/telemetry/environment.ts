// The standard OpenTelemetry environment variables, laid over the configuration: what the SDK's own exporters do not read.
// A malformed value is told in the log and then ignored, as the specification asks; it must never stop the gate.
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/

import { parseKeyPairsIntoRecord } from '@opentelemetry/core';
import type { Log } from '../base/ports.ts';
import { longestWait } from '../base/scalars.ts';
import type { Sampling } from './sampling.ts';
import type { TelemetryConfig } from './schema.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface BatchSettings {
  readonly maxQueueSize: number;
  readonly scheduledDelayMillis: number;
  readonly maxExportBatchSize: number;
  readonly exportTimeoutMillis: number;
}

export interface TelemetrySettings {
  readonly resource: Readonly<Record<string, string>>;
  /** Full URL of the trace receiver; undefined when spans go nowhere. */
  readonly tracesUrl: string | undefined;
  /** Full URL of the metrics receiver; undefined when metrics are only served. */
  readonly metricsUrl: string | undefined;
  /** Full URL of the log receiver, for copies of audit records; undefined when the environment or a missing endpoint says none. */
  readonly logsUrl: string | undefined;
  readonly metricInterval: number;
  readonly metricTimeout: number;
  readonly sampling: Sampling;
  readonly batch: BatchSettings;
  readonly logBatch: BatchSettings;
  /** Longest attribute value, in characters. */
  readonly valueLength: number;
  /** Header names the environment sets for a signal, in lower case: they win over configured ones. */
  readonly headersFromEnvironment: ReadonlySet<string>;
}

/** Tempo cuts attributes at 2048 bytes; OpenTelemetry's own default is no limit at all. */
const defaultValueLength = 2_048;

type Signal = 'traces' | 'metrics' | 'logs';

type Warn = (variable: string, problem: string) => void;

type ReadNumber = (name: string, otherwise: number, least?: number) => number;

export function resolveSettings(config: TelemetryConfig, env: Environment, log: Log): TelemetrySettings {
  const warn: Warn = (variable, problem) => log.warn({ variable, problem }, 'telemetry: environment variable ignored');
  const number: ReadNumber = (name, otherwise, least = 0) => readNumber(env, name, otherwise, least, warn);
  const time: ReadNumber = (name, otherwise, least) => {
    const ms = number(name, otherwise, least);
    if (ms <= longestWait) return ms;
    warn(name, `is longer than a timer can wait, ${longestWait} ms`);
    return otherwise;
  };
  const disabled = env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true';
  const protocol = text(env, 'OTEL_EXPORTER_OTLP_PROTOCOL');
  if (protocol !== undefined && protocol !== 'http/protobuf') warn('OTEL_EXPORTER_OTLP_PROTOCOL', 'only http/protobuf');

  const url = (signal: Signal, configured: 'otlp' | 'none') => {
    if (disabled || readExporter(env, signal, configured, warn) === 'none') return undefined;
    return receiver(env, signal, config.endpoint, warn);
  };
  const interval = time('OTEL_METRIC_EXPORT_INTERVAL', config.metrics.interval, 1);

  return {
    resource: readResource(config, env),
    tracesUrl: url('traces', config.traces.exporter),
    metricsUrl: url('metrics', config.metrics.exporter),
    logsUrl: url('logs', 'otlp'),
    metricInterval: interval,
    metricTimeout: Math.min(time('OTEL_METRIC_EXPORT_TIMEOUT', 30_000, 1), interval),
    sampling: readSampling(config, env, warn),
    batch: readBatch('OTEL_BSP', number, time),
    logBatch: readBatch('OTEL_BLRP', number, time),
    valueLength: number(
      'OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT',
      number('OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT', defaultValueLength),
    ),
    headersFromEnvironment: headerNames(env),
  };
}

function readBatch(prefix: 'OTEL_BSP' | 'OTEL_BLRP', number: ReadNumber, time: ReadNumber): BatchSettings {
  const maxQueueSize = number(`${prefix}_MAX_QUEUE_SIZE`, 8_192, 1);
  return {
    maxQueueSize,
    scheduledDelayMillis: time(`${prefix}_SCHEDULE_DELAY`, 1_000),
    maxExportBatchSize: Math.min(number(`${prefix}_MAX_EXPORT_BATCH_SIZE`, 512, 1), maxQueueSize),
    exportTimeoutMillis: time(`${prefix}_EXPORT_TIMEOUT`, 30_000, 1),
  };
}

function readSampling(config: TelemetryConfig, env: Environment, warn: Warn): Sampling {
  const { sample_ratio: ratio, parent, always_sample_denials: promote } = config.traces;
  const argument = () => {
    const given = readNumber(env, 'OTEL_TRACES_SAMPLER_ARG', 1, 0, warn, Number.parseFloat);
    if (given <= 1) return given;
    warn('OTEL_TRACES_SAMPLER_ARG', 'is above 1');
    return 1;
  };
  const base = { parent, promote };
  switch (text(env, 'OTEL_TRACES_SAMPLER')) {
    case undefined:
      return { ...base, ratio, followParent: true };
    case 'always_on':
      return { ...base, ratio: 1, followParent: false };
    case 'always_off':
      return { ...base, ratio: 0, followParent: false };
    case 'traceidratio':
      return { ...base, ratio: argument(), followParent: false };
    case 'parentbased_always_on':
      return { ...base, ratio: 1, followParent: true };
    case 'parentbased_always_off':
      return { ...base, ratio: 0, followParent: true };
    case 'parentbased_traceidratio':
      return { ...base, ratio: argument(), followParent: true };
    default:
      warn('OTEL_TRACES_SAMPLER', 'names no sampler known here');
      return { ...base, ratio, followParent: true };
  }
}

function readExporter(env: Environment, signal: Signal, configured: 'otlp' | 'none', warn: Warn) {
  const name = `OTEL_${signal.toUpperCase()}_EXPORTER`;
  const given = text(env, name);
  if (given === undefined) return configured;
  if (given === 'otlp' || given === 'none') return given;
  warn(name, 'only otlp and none');
  return configured;
}

function receiver(env: Environment, signal: Signal, configured: string | undefined, warn: Warn): string | undefined {
  const own = `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`;
  const path = `v1/${signal}`;
  const candidates = [
    { name: own, url: text(env, own) },
    { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', url: below(text(env, 'OTEL_EXPORTER_OTLP_ENDPOINT'), path) },
    { name: 'endpoint', url: below(configured, path) },
  ];
  for (const { name, url } of candidates) {
    if (url === undefined) continue;
    if (/^https?:\/\//i.test(url) && URL.canParse(url)) return url;
    warn(name, 'is not an http(s) URL');
  }
  return undefined;
}

function below(base: string | undefined, path: string): string | undefined {
  if (base === undefined) return undefined;
  return base.endsWith('/') ? `${base}${path}` : `${base}/${path}`;
}

function readResource(config: TelemetryConfig, env: Environment): Record<string, string> {
  const attributes = parseKeyPairsIntoRecord(text(env, 'OTEL_RESOURCE_ATTRIBUTES'));
  const name = text(env, 'OTEL_SERVICE_NAME') ?? attributes['service.name'] ?? config.service_name;
  return { ...attributes, 'service.name': name };
}

function headerNames(env: Environment): ReadonlySet<string> {
  const variables = ['', 'TRACES_', 'METRICS_', 'LOGS_'].map((signal) =>
    text(env, `OTEL_EXPORTER_OTLP_${signal}HEADERS`),
  );
  return new Set(
    variables.flatMap((value) => Object.keys(parseKeyPairsIntoRecord(value)).map((name) => name.toLowerCase())),
  );
}

function readNumber(
  env: Environment,
  name: string,
  otherwise: number,
  least: number,
  warn: Warn,
  parse: (text: string) => number = Number,
): number {
  const given = text(env, name);
  if (given === undefined) return otherwise;
  const value = parse(given);
  if (Number.isFinite(value) && value >= least) return value;
  warn(name, `is not a number of ${least} or more`);
  return otherwise;
}

/** An empty variable counts as unset (specification: "Parsing empty value"). */
function text(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}
