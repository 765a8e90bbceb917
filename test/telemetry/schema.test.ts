// The configuration of telemetry: defaults, and mistakes that are told.

import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { telemetrySchema } from '../../src/telemetry/schema.ts';

test('defaults', (t) => {
  t.strictSame(telemetrySchema.parse(undefined), {
    service_name: 'postern',
    traces: { exporter: 'otlp', sample_ratio: 1, parent: 'trust', always_sample_denials: true },
    metrics: { exporter: 'otlp', interval: 60_000 },
    correlation: { adopt: 'link' },
    subject: 'pseudonymous',
    hop_attributes: true,
  });
  t.end();
});

test('headers and the pseudonym key are secrets from parsing on', (t) => {
  const config = telemetrySchema.parse({ headers: { 'x-api-key': 'shh' }, subject_key: 'sixteen characters and more' });
  t.ok(config.headers?.['x-api-key'] instanceof Secret);
  t.ok(config.subject_key instanceof Secret);
  t.end();
});

test('mistakes are told', (t) => {
  const wrong: [string, () => unknown][] = [
    ['a short pseudonym key', () => telemetrySchema.parse({ subject_key: 'short' })],
    ['a ratio above 1', () => telemetrySchema.parse({ traces: { sample_ratio: 2 } })],
    ['an unknown option', () => telemetrySchema.parse({ tracing: true })],
    ['a header name with a line break', () => telemetrySchema.parse({ headers: { 'a\r\nb': 'x' } })],
  ];
  for (const [name, parse] of wrong) t.throws(parse, name);
  t.end();
});
