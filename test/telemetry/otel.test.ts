// The way to the collector: headers, no collector at all, one that fails, one that never answers.

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mock } from 'node:test';
import { test } from 'tap';
import { createTelemetry } from '../../src/telemetry/observe.ts';
import { telemetrySchema } from '../../src/telemetry/schema.ts';
import { recordingLog } from '../support/log.ts';
import { arrivedAt, carryOut } from '../support/telemetry-calls.ts';
import { telemetryWorld } from '../support/telemetry-world.ts';

const nothing = () => {};
const untold = { permitted: () => true, exchanged: nothing, ended: nothing, event: nothing };

function telemetryTo(endpoint: string | undefined, config: object = {}, env: Record<string, string> = {}) {
  const log = recordingLog();
  const telemetry = createTelemetry({
    telemetry: telemetrySchema.parse({ ...(endpoint === undefined ? {} : { endpoint }), ...config }),
    audit: untold,
    pseudonym: () => 'u_',
    env,
    clock: { now: () => arrivedAt },
    log,
    version: '0.0.0-test',
  });
  return { telemetry, log };
}

/** A server that keeps every request and answers as told, or not at all. */
async function receiver(answer: number | undefined) {
  const requests: IncomingMessage[] = [];
  let arrived = () => {};
  const first = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const server = createServer((request, response) => {
    requests.push(request);
    request.resume();
    arrived();
    if (answer !== undefined) request.on('end', () => response.writeHead(answer).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // listening on TCP, so never a path or null
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}`, requests, first, close };
}

test('without a collector: no spans, the trace of the caller goes on untouched, metrics are served', async (t) => {
  const { telemetry } = telemetryTo(undefined);
  const inbound = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  const { call, attemptTraceparent } = carryOut(telemetry.observe, { rawHeaders: ['traceparent', inbound] });
  t.equal(attemptTraceparent, inbound, 'our ids would be a hole in the trace of the caller');
  t.equal(call.observation.span.traceId, 'a'.repeat(32));
  const { attemptTraceparent: own } = carryOut(telemetry.observe);
  t.match(own, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/, 'not recording here is no reason to silence the upstream');
  t.match(await telemetry.prometheus(), 'http_server_request_duration_seconds_count');
  await telemetry.flush();
  await telemetry.close();
});

test('OTEL_SDK_DISABLED pushes nothing, and metrics and audit go on', async (t) => {
  const world = await telemetryWorld(t, { env: { OTEL_SDK_DISABLED: 'true' } });
  carryOut(world.telemetry.observe);
  await world.telemetry.flush();
  t.equal(world.collector.rawBytes().length, 0);
  t.equal(world.audit.lines.length, 1);
  t.match(await world.telemetry.prometheus(), 'http_server_request_duration_seconds_count');
});

test('configured headers are sent, but for those the environment sets itself', async (t) => {
  const collector = await receiver(200);
  t.teardown(collector.close);
  const headers = { 'x-api-key': 'canary-collector-key', 'x-tenant': 'from-config' };
  const { telemetry } = telemetryTo(
    collector.url,
    { headers, metrics: { exporter: 'none' } },
    { OTEL_EXPORTER_OTLP_HEADERS: 'X-Tenant=from-env' },
  );
  carryOut(telemetry.observe);
  await telemetry.flush();
  const [request] = collector.requests;
  t.equal(request?.url, '/v1/traces');
  t.equal(request?.headers['content-type'], 'application/x-protobuf');
  t.equal(request?.headers['x-api-key'], 'canary-collector-key');
  t.equal(request?.headers['x-tenant'], undefined, 'the exporter reads that one from the process');
  await telemetry.close();
});

test('a collector that refuses is told once, and calls go on', async (t) => {
  const collector = await receiver(400);
  t.teardown(collector.close);
  const { telemetry, log } = telemetryTo(collector.url, { metrics: { exporter: 'none' } });
  for (let n = 0; n < 3; n += 1) {
    carryOut(telemetry.observe);
    await telemetry.flush().catch(() => {});
  }
  t.equal(collector.requests.length, 3);
  t.equal(log.lines.filter((line) => line.message === 'telemetry: spans not exported').length, 1);
  t.match(await telemetry.prometheus(), /otel_sdk_processor_span_processed_total\{.*error_type=.*\} 9/);
  await telemetry.close();
});

test('values are cut at the limit, lists are cut value by value', async (t) => {
  const world = await telemetryWorld(t, { env: { OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '10' } });
  carryOut(world.telemetry.observe);
  const server = await world.span('POST /openai/*');
  t.equal(server.attributes['postern.policy.id'], 'research-s');
  t.strictSame(server.attributes['postern.credential.stripped'], ['header:aut', 'query:key']);
});

// Last, since its timers stay as they are: the exporter goes on retrying until its own deadline, which must not keep this
// process.
test('a collector that takes connections and never answers does not hold the shutdown', async (t) => {
  const collector = await receiver(undefined);
  t.teardown(collector.close);
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const { telemetry, log } = telemetryTo(collector.url);
  carryOut(telemetry.observe);
  const closed = telemetry.close();
  await collector.first;
  mock.timers.tick(3_000);
  await closed;
  t.match(log.lines.at(-1), { level: 'warn', message: 'telemetry: collector did not answer, last spans are lost' });
});
