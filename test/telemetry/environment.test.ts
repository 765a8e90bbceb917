// The standard OTEL_* variables over the configuration, and what happens to values that make no sense.

import { test } from 'tap';
import type { Environment } from '../../src/telemetry/environment.ts';
import { resolveSettings } from '../../src/telemetry/environment.ts';
import { createSampler } from '../../src/telemetry/sampling.ts';
import { telemetrySchema } from '../../src/telemetry/schema.ts';
import { recordingLog } from '../support/log.ts';

function settings(env: Environment, config: object = {}) {
  const log = recordingLog();
  return { ...resolveSettings(telemetrySchema.parse(config), env, log), warnings: log.lines.map((line) => line.facts) };
}

const endpoint = 'http://collector:4318';

test('without a collector nothing is pushed', (t) => {
  const { tracesUrl, metricsUrl, warnings } = settings({});
  t.strictSame([tracesUrl, metricsUrl, warnings], [undefined, undefined, []]);
  t.end();
});

test('where spans and metrics go', (t) => {
  const cases: [string, Environment, object, string | undefined, string | undefined][] = [
    ['configured', {}, { endpoint }, `${endpoint}/v1/traces`, `${endpoint}/v1/metrics`],
    ['trailing slash', {}, { endpoint: 'http://c/otlp/' }, 'http://c/otlp/v1/traces', 'http://c/otlp/v1/metrics'],
    [
      'environment first',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://e' },
      { endpoint },
      'http://e/v1/traces',
      'http://e/v1/metrics',
    ],
    [
      "a signal's own URL is taken as it is",
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t/x' },
      { endpoint },
      'http://t/x',
      `${endpoint}/v1/metrics`,
    ],
    ['none by environment', { OTEL_TRACES_EXPORTER: 'none' }, { endpoint }, undefined, `${endpoint}/v1/metrics`],
    ['none by configuration', {}, { endpoint, metrics: { exporter: 'none' } }, `${endpoint}/v1/traces`, undefined],
    [
      'otlp by environment',
      { OTEL_METRICS_EXPORTER: 'otlp' },
      { endpoint, metrics: { exporter: 'none' } },
      `${endpoint}/v1/traces`,
      `${endpoint}/v1/metrics`,
    ],
    ['disabled', { OTEL_SDK_DISABLED: 'true' }, { endpoint }, undefined, undefined],
    [
      'empty counts as unset',
      { OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_SDK_DISABLED: '' },
      { endpoint },
      `${endpoint}/v1/traces`,
      `${endpoint}/v1/metrics`,
    ],
  ];
  for (const [name, env, config, traces, metrics] of cases) {
    const found = settings(env, config);
    t.strictSame([found.tracesUrl, found.metricsUrl], [traces, metrics], name);
  }
  t.end();
});

test('who is sampled', (t) => {
  const parentSays = (traceFlags: number) => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags });
  const cases: [string, Environment, object, [boolean, boolean, boolean]][] = [
    ['configured: everything new, the parent decides its own', {}, {}, [true, true, false]],
    ['configured: nothing new', {}, { traces: { sample_ratio: 0 } }, [false, true, false]],
    ['always_on', { OTEL_TRACES_SAMPLER: 'always_on' }, {}, [true, true, true]],
    ['always_off', { OTEL_TRACES_SAMPLER: 'always_off' }, {}, [false, false, false]],
    ['traceidratio', { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }, {}, [false, false, false]],
    ['traceidratio without argument', { OTEL_TRACES_SAMPLER: 'traceidratio' }, {}, [true, true, true]],
    ['parentbased_always_off', { OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, {}, [false, true, false]],
    [
      'parentbased_always_on',
      { OTEL_TRACES_SAMPLER: 'parentbased_always_on' },
      { traces: { sample_ratio: 0 } },
      [true, true, false],
    ],
    [
      'parentbased_traceidratio',
      { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' },
      {},
      [false, true, false],
    ],
  ];
  for (const [name, env, config, expected] of cases) {
    const sample = createSampler(settings(env, config).sampling);
    const id = 'a'.repeat(32);
    t.strictSame([sample(id, undefined), sample(id, parentSays(1)), sample(id, parentSays(0))], expected, name);
  }
  t.end();
});

test('a ratio takes its share of trace ids', (t) => {
  const sample = createSampler(settings({}, { traces: { sample_ratio: 0.25 } }).sampling);
  const ids = Array.from(
    { length: 4_096 },
    (_, n) => (n * 1_048_573 + 1).toString(16).padStart(8, '0').repeat(1) + 'f'.repeat(24),
  );
  const taken = ids.filter((id) => sample(id, undefined)).length;
  t.ok(taken > 600 && taken < 1_500, `${taken} of 4096`);
  t.end();
});

test('batches, limits, intervals', (t) => {
  const plain = settings({});
  t.match(plain.batch, {
    maxQueueSize: 8_192,
    scheduledDelayMillis: 1_000,
    maxExportBatchSize: 512,
    exportTimeoutMillis: 30_000,
  });
  t.equal(plain.valueLength, 2_048);
  t.equal(plain.metricInterval, 60_000);
  t.equal(plain.metricTimeout, 30_000);

  const set = settings({
    OTEL_BSP_MAX_QUEUE_SIZE: '100',
    OTEL_BSP_SCHEDULE_DELAY: '50',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '400',
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
    OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '64',
  });
  t.match(set.batch, { maxQueueSize: 100, scheduledDelayMillis: 50, maxExportBatchSize: 100 });
  t.equal(set.valueLength, 64);
  t.equal(set.metricInterval, 1_000);
  t.equal(set.metricTimeout, 1_000, 'a push never takes longer than the time to the next');

  const names = ['OTEL_METRIC_EXPORT_INTERVAL', 'OTEL_BSP_SCHEDULE_DELAY', 'OTEL_BLRP_EXPORT_TIMEOUT'];
  const endless = settings(Object.fromEntries(names.map((name) => [name, '2147483648'])));
  t.match(endless, { metricInterval: 60_000, batch: { scheduledDelayMillis: 1_000 } }, 'a timer would not wait at all');
  t.match(endless, { logBatch: { exportTimeoutMillis: 30_000 } });
  t.match(
    endless.warnings,
    names.map((variable) => ({ variable, problem: /longer than a timer/ })),
  );
  t.end();
});

test('resource and service name', (t) => {
  t.strictSame(settings({}).resource, { 'service.name': 'postern' });
  t.strictSame(
    settings({
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=a%20b,deployment.environment.name=test',
      OTEL_SERVICE_NAME: 'gate',
    }).resource,
    { 'service.name': 'gate', 'deployment.environment.name': 'test' },
  );
  t.equal(settings({ OTEL_RESOURCE_ATTRIBUTES: 'service.name=a%20b' }).resource['service.name'], 'a b');
  t.end();
});

test('what makes no sense is told and ignored', (t) => {
  const found = settings(
    {
      OTEL_TRACES_SAMPLER: 'sometimes',
      OTEL_BSP_MAX_QUEUE_SIZE: 'many',
      OTEL_BSP_SCHEDULE_DELAY: '-1',
      OTEL_TRACES_EXPORTER: 'zipkin',
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'collector:4318',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    },
    { endpoint },
  );
  t.equal(found.batch.maxQueueSize, 8_192);
  t.equal(found.batch.scheduledDelayMillis, 1_000);
  t.equal(found.tracesUrl, `${endpoint}/v1/traces`);
  t.equal(found.metricsUrl, `${endpoint}/v1/metrics`);
  t.strictSame(found.warnings.map((facts) => ('variable' in facts ? facts.variable : '')).sort(), [
    'OTEL_BSP_MAX_QUEUE_SIZE',
    'OTEL_BSP_SCHEDULE_DELAY',
    'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
    'OTEL_EXPORTER_OTLP_PROTOCOL',
    'OTEL_TRACES_EXPORTER',
    'OTEL_TRACES_SAMPLER',
  ]);
  t.end();
});
