// Metrics on their way to a collector: sent again where that may help, told once where not, and without Node's own fetch.

import { execFile } from 'node:child_process';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { AggregationTemporality, InstrumentType } from '@opentelemetry/sdk-metrics';
import { type Test, test } from 'tap';
import { decodeMetrics } from '../../demo/otlp.ts';
import { createMetricExporter } from '../../src/telemetry/metric-export.ts';
import { createTelemetry } from '../../src/telemetry/observe.ts';
import { telemetrySchema } from '../../src/telemetry/schema.ts';
import { recordingLog } from '../support/log.ts';
import { arrivedAt, carryOut } from '../support/telemetry-calls.ts';

/** Answers each push as the story says, then 200 to all. */
async function world(t: Test, answers: readonly (readonly [number, Record<string, string>?])[] = []) {
  const pushes: { readonly request: IncomingMessage; readonly body: Buffer }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const [status, headers = {}] = answers[pushes.length] ?? [200];
    pushes.push({ request, body: Buffer.concat(chunks) });
    response.writeHead(status, headers).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // listening on TCP, so never a path or null
  const endpoint = `http://127.0.0.1:${port}`;
  const log = recordingLog();
  const audit = { permitted: () => true, exchanged: () => {}, ended: () => {}, event: () => {} };
  const telemetry = createTelemetry({
    telemetry: telemetrySchema.parse({ endpoint, headers: { 'x-api-key': 'k' }, traces: { exporter: 'none' } }),
    ...{ audit, pseudonym: () => 'u_', env: {}, clock: { now: () => arrivedAt }, log, version: '0.0.0-test' },
  });
  t.teardown(async () => {
    await telemetry.close();
    server.closeAllConnections();
    server.close();
  });
  carryOut(telemetry.observe);
  const push = () => telemetry.flush().catch(() => {});
  const messages = () => log.lines.map(({ message }) => message);
  return { endpoint, pushes, push, messages };
}

test('a push is an OTLP request with the configured headers', async (t) => {
  const { pushes, push } = await world(t);
  await push();
  const [first] = pushes;
  t.match(first?.request, { method: 'POST', url: '/v1/metrics' });
  t.match(first?.request.headers, { 'content-type': 'application/x-protobuf', 'x-api-key': 'k' });
  const names = decodeMetrics(first?.body ?? Buffer.alloc(0)).map(({ name }) => name);
  t.ok(names.includes('http.server.request.duration'));
});

test('a collector that cannot take it now is asked again', async (t) => {
  const { pushes, push, messages } = await world(t, [[503, { 'retry-after': '0' }]]);
  await push();
  t.equal(pushes.length, 2);
  t.strictSame(messages(), []);
});

test('one that refuses is told once, and once when it takes them again', async (t) => {
  const { pushes, push, messages } = await world(t, [[400], [400]]);
  for (let round = 0; round < 4; round += 1) await push();
  t.equal(pushes.length, 4);
  t.strictSame(messages(), ['telemetry: metrics not exported', 'telemetry: metrics exported again']);
});

const { CUMULATIVE, DELTA } = AggregationTemporality;
const preference = 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE';

for (const [preferred, counter, observableCounter, upDown] of [
  [undefined, CUMULATIVE, CUMULATIVE, CUMULATIVE],
  ['Delta', DELTA, DELTA, CUMULATIVE],
  ['lowmemory', DELTA, CUMULATIVE, CUMULATIVE],
  ['nonsense', CUMULATIVE, CUMULATIVE, CUMULATIVE],
] as const) {
  test(`temporality as the environment prefers it: ${preferred}`, (t) => {
    if (preferred !== undefined) process.env[preference] = preferred;
    t.teardown(() => delete process.env[preference]);
    const post = async () => ({ kind: 'taken', body: Buffer.alloc(0) }) as const;
    const { selectAggregationTemporality: of } = createMetricExporter({ post, timeoutMs: 1_000, log: recordingLog() });
    t.equal(of?.(InstrumentType.COUNTER), counter);
    t.equal(of?.(InstrumentType.OBSERVABLE_COUNTER), observableCounter);
    t.equal(of?.(InstrumentType.UP_DOWN_COUNTER), upDown);
    t.end();
  });
}

test('what is sent without TLS does not load the fetch of Node', async (t) => {
  const { endpoint, pushes } = await world(t);
  const script = `
    import { createPost } from '${new URL('../../src/telemetry/otlp-post.ts', import.meta.url)}';
    const post = createPost({ url: '${endpoint}/v1/metrics', headers: async () => ({}), signal: 'METRICS' });
    await post(Buffer.from('x'), { signal: new AbortController().signal });
    console.log(process.moduleLoadList.some((name) => name.includes('undici/undici')));
    process.exit();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  t.equal(stdout.trim(), 'false');
  t.equal(pushes.length, 1);
});
