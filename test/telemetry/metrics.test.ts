// Metrics: the names /metrics gives them are a contract with dashboards; labels are bounded whatever callers send.

import { test } from 'tap';
import { Refusal } from '../../src/base/errors.ts';
import { createInstruments } from '../../src/telemetry/instruments.ts';
import { metricDefinitions } from '../../src/telemetry/metric-definitions.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { renderPrometheus } from '../../src/telemetry/prometheus.ts';
import { recordingLog, silentLog } from '../support/log.ts';
import { armedCall, arrivedAt, canaries, carryOut, permittedCall, reply } from '../support/telemetry-calls.ts';
import { telemetryWorld } from '../support/telemetry-world.ts';

const clock = { now: () => arrivedAt };

/** Change this list only together with the dashboards, the alerts and the changelog. */
const contract = [
  'http_server_request_duration_seconds histogram',
  'http_server_active_requests gauge',
  'http_client_request_duration_seconds histogram',
  'postern_token_exchange_duration_seconds histogram',
  'postern_token_cache_requests_total counter',
  'postern_token_cache_entries gauge',
  'postern_authorization_decisions_total counter',
  'postern_delegation_depth histogram',
  'postern_token_remaining_lifetime_seconds histogram',
  'postern_credential_uses_total counter',
  'postern_routes gauge',
  'postern_jwks_age_seconds gauge',
  'postern_jwks_fetch_failures_total counter',
  'postern_upstream_queue gauge',
  'postern_proxy_overhead_duration_seconds histogram',
  'gen_ai_client_operation_time_to_first_chunk_seconds histogram',
  'postern_audit_records_total counter',
  'postern_audit_sequence gauge',
  'postern_audit_waiting gauge',
  'postern_audit_copies_total counter',
  'postern_audit_copies_waiting gauge',
  'postern_revocation_entries gauge',
  'postern_revocation_problems gauge',
  'postern_revocation_calls_ended_total counter',
  'postern_workers gauge',
  'postern_worker_calls_total counter',
  'postern_worker_ends_total counter',
  'postern_telemetry_faults_total counter',
];

test('the names of /metrics', (t) => {
  const instruments = createInstruments({ clock });
  for (const definition of Object.values(metricDefinitions)) {
    instruments.define(definition).record(
      1,
      definition.labels.map(() => 'x'),
    );
  }
  const text = renderPrometheus(instruments.collect(), {});
  const named = [...text.matchAll(/^# TYPE (\S+ \S+)$/gm)].map((match) => match[1]);
  t.strictSame(named, ['target_info gauge', ...contract]);
  t.end();
});

test('a whole call, counted and timed', async (t) => {
  const world = await telemetryWorld(t);
  const call = armedCall(world.telemetry.observe);
  world.pass(2);
  const attempt = call.observation.attemptStarted(call, 0);
  world.pass(30);
  attempt.responded(200, ['content-type', 'text/event-stream']);
  world.pass(10);
  attempt.passed(Buffer.from('data: {}\n\n'));
  world.pass(1_000);
  attempt.ended('complete');
  world.pass(1);
  const during = await world.telemetry.prometheus();
  t.match(during, 'http_server_active_requests{http_request_method="POST",url_scheme="http"} 1');
  call.observation.replied(reply(call));

  const text = await world.telemetry.prometheus();
  const labels = 'http_request_method="POST",url_scheme="http",http_route="/openai/*",http_response_status_code="200"';
  t.match(text, 'http_server_active_requests{http_request_method="POST",url_scheme="http"} 0');
  t.match(text, `http_server_request_duration_seconds_sum{${labels}} 1.043`);
  t.match(text, `http_server_request_duration_seconds_bucket{${labels},le="1"} 0`);
  t.match(text, `http_server_request_duration_seconds_bucket{${labels},le="2.5"} 1`);
  t.match(text, `http_server_request_duration_seconds_bucket{${labels},le="+Inf"} 1`);
  t.match(
    text,
    /http_client_request_duration_seconds_sum\{.*server_address="api.openai.com",server_port="443".*\} 0.03\n/,
  );
  t.match(text, /time_to_first_chunk_seconds_sum\{gen_ai_operation_name="chat",gen_ai_provider_name="openai"\} 0.04\n/);
  t.match(
    text,
    /postern_proxy_overhead_duration_seconds_sum\{http_route="\/openai\/\*"\} 0.003\n/,
    'without the upstream',
  );
  t.match(text, 'postern_token_cache_requests_total{postern_token_cache_result="miss"} 1');
  t.match(text, 'postern_delegation_depth_bucket{le="1"} 1');
  t.match(text, 'postern_audit_records_total{event="postern.access.allowed",outcome="accepted"} 1');
  t.match(text, 'postern_authorization_decisions_total{postern_decision="allow",http_route="/openai/*"} 1');
  t.match(text, /postern_token_remaining_lifetime_seconds_sum\{postern_exchange_name="corp"\} 299.998\n/);
  t.match(
    text,
    'postern_credential_uses_total{postern_credential_kind="exchanged",postern_exchange_name="corp"} 1',
    'a standing key would be told as static',
  );
  t.match(text, /^target_info\{.*service_name="postern".*\} 1$/m);
});

test('a denial, by reason', async (t) => {
  const world = await telemetryWorld(t);
  const call = permittedCall(world.telemetry.observe);
  const exchange = call.observation.exchangeStarted(call, {
    exchange: 'corp',
    grant: 'token_exchange',
    endpoint: 'https://idp.example.com/token',
    audience: undefined,
    scopes: [],
  });
  world.pass(70);
  exchange.failed(new Refusal('issuer_timeout'), 'Not an <error> code');
  call.observation.refused(call, new Refusal('issuer_timeout'));
  const text = await world.telemetry.prometheus();
  t.match(
    text,
    'postern_token_exchange_duration_seconds_sum{postern_exchange_outcome="error",error_type="issuer_timeout",' +
      'server_address="idp.example.com",postern_token_grant="token_exchange",postern_token_cache_result="miss"} 0.07',
  );
  t.match(
    text,
    'postern_authorization_decisions_total{postern_decision="error",postern_denial_reason="issuer_timeout",http_route="/openai/*"} 1',
  );
});

test('nobody can make series at will', async (t) => {
  const world = await telemetryWorld(t);
  for (const method of ['BREW', 'WHEN', 'PROPFIND']) {
    carryOut(world.telemetry.observe, {
      method,
      target: `/${method}`,
      actors: [method],
      facts: { model: method, tool: method, method },
    });
  }
  const text = await world.telemetry.prometheus();
  t.notMatch(text, /BREW|WHEN|PROPFIND/);
  t.match(text, /http_server_request_duration_seconds_count\{http_request_method="_OTHER".*\} 3/);
  t.notMatch(text, canaries.userEmail);
});

test('calls of one route are told apart by all that labels say, however many there are', async (t) => {
  const metrics = createMetrics({ clock, log: silentLog });
  const world = await telemetryWorld(t);
  const call = armedCall(world.telemetry.observe);
  const ended = { decision: 'allow', refusal: undefined, durationMs: 3 } as const;
  for (let round = 0; round < 2; round += 1) {
    for (let status = 200; status < 240; status += 1) {
      for (const [method, cache] of [
        ['GET', 'hit'],
        ['POST', 'miss'],
        ['BREW', 'hit'],
      ] as const) {
        const answered = { ...call, method, cache, facts: { ...call.facts, method } };
        metrics.arrived(answered);
        metrics.used(answered, arrivedAt);
        const attempt = { end: 'complete', failure: undefined, usage: undefined, firstChunk: undefined } as const;
        metrics.attempted(answered, { ...attempt, status }, 0.001);
        const errorType = status % 2 === 0 ? undefined : 'timeout';
        metrics.ended({ ...ended, call: answered, status, reply: reply(answered, { status }), errorType }, 1);
      }
    }
  }
  const text = renderPrometheus(metrics.collect(), {});
  const server = (method: string, status: number, error: string) =>
    `http_server_request_duration_seconds_count{http_request_method="${method}",url_scheme="http",` +
    `http_route="/openai/*",http_response_status_code="${status}"${error}} 2\n`;
  for (const method of ['GET', 'POST', '_OTHER']) {
    t.match(text, server(method, 200, ''));
    t.match(text, server(method, 239, ',error_type="timeout"'));
    t.match(text, `http_server_active_requests{http_request_method="${method}",url_scheme="http"} 0\n`);
  }
  t.match(
    text,
    'http_client_request_duration_seconds_count{http_request_method="_OTHER",server_address="api.openai.com",' +
      'server_port="443",http_response_status_code="239"} 2\n',
  );
  t.match(text, 'postern_token_cache_requests_total{postern_token_cache_result="hit"} 160\n');
  t.match(text, 'postern_token_cache_requests_total{postern_token_cache_result="miss"} 80\n');
  t.match(text, /postern_credential_uses_total\{.*\} 240\n/);
  t.match(text, 'postern_token_remaining_lifetime_seconds_sum{postern_exchange_name="corp"} 72000\n');
});

test('an instrument has a bounded number of series, the rest is counted together', (t) => {
  const instruments = createInstruments({ clock });
  const counter = instruments.define({ name: 'n', kind: 'counter', unit: '1', description: '', labels: ['l'] });
  for (let n = 0; n < 1_500; n += 1) counter.record(1, [`value-${n}`]);
  const [metric] = instruments.collect();
  t.equal(metric?.dataPoints.length, 1_001);
  t.match(metric?.dataPoints.at(-1), { attributes: { 'otel.metric.overflow': true }, value: 500 });
  t.end();
});

test('gauges are asked when metrics are read; one that fails harms no other', (t) => {
  const log = recordingLog();
  const metrics = createMetrics({ clock, log });
  let entries = 3;
  let trusts = ['corp', 'partner'];
  metrics.watch('cacheEntries', () => [{ value: entries, labels: [] }]);
  metrics.watch('upstreamQueue', () => {
    throw new Error('not there yet');
  });
  metrics.watch('jwksAge', () => trusts.map((trust) => ({ value: 12.5, labels: [trust] })));
  t.match(renderPrometheus(metrics.collect(), {}), 'postern_token_cache_entries 3');
  entries = 4;
  trusts = ['corp'];
  const text = renderPrometheus(metrics.collect(), {});
  t.match(text, 'postern_token_cache_entries 4');
  t.match(text, 'postern_jwks_age_seconds{postern_trust="corp"} 12.5');
  t.notMatch(text, 'partner', 'what is gone is not told any more');
  t.match(text, 'postern_telemetry_faults_total 2');
  t.equal(log.lines.length, 2);
  t.end();
});

test('label values cannot break the format', (t) => {
  const instruments = createInstruments({ clock });
  instruments
    .define({ name: 'n', kind: 'gauge', unit: '', description: 'one\ntwo \\', labels: ['l'] })
    .record(1, ['a"b\\c\nd']);
  t.match(renderPrometheus(instruments.collect(), {}), 'n{l="a\\"b\\\\c\\nd"} 1\n');
  t.match(renderPrometheus(instruments.collect(), {}), '# HELP n one\\ntwo \\\\\n');
  t.end();
});

test('values that are no numbers are not recorded', (t) => {
  const metrics = createMetrics({ clock, log: silentLog });
  metrics.watch('cacheEntries', () => [{ value: Number.NaN, labels: [] }]);
  t.strictSame(metrics.collect(), []);
  t.end();
});

test('metrics are pushed over OTLP under their OpenTelemetry names', async (t) => {
  const world = await telemetryWorld(t);
  carryOut(world.telemetry.observe);
  await world.telemetry.flush();
  const pushed = new Map(world.collector.metrics().map((metric) => [metric.name, metric]));
  const duration = pushed.get('http.server.request.duration');
  t.match(duration, { kind: 'histogram', unit: 's', resource: { 'service.name': 'postern' } });
  t.match(duration?.points[0], {
    count: 1,
    attributes: { 'http.route': '/openai/*', 'http.response.status_code': 200 },
  });
  t.match(pushed.get('postern.authorization.decisions'), { kind: 'sum', points: [{ value: 1 }] });
});

test("the SDK's own metrics tell what was exported and what was dropped", async (t) => {
  const world = await telemetryWorld(t, { env: { OTEL_BSP_MAX_QUEUE_SIZE: '2', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '2' } });
  for (let n = 0; n < 4; n += 1) carryOut(world.telemetry.observe);
  await world.telemetry.flush();
  const text = await world.telemetry.prometheus();
  t.match(text, /otel_sdk_processor_span_processed_total\{.*error_type="queue_full"\} [1-9]/);
  t.match(text, /otel_sdk_processor_span_queue_capacity\{.*\} 2/);
});
