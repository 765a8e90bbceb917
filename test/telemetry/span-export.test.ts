// Spans on their way: batches that wait for a slow collector, are sent again, are too many; and their memory used again.

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { type Test, test } from 'tap';
import { decodeSpans } from '../../demo/otlp.ts';
import type { BatchSettings } from '../../src/telemetry/environment.ts';
import { createPost } from '../../src/telemetry/otlp-post.ts';
import { requestHead } from '../../src/telemetry/otlp-request.ts';
import { createSpanBatches } from '../../src/telemetry/span-batch.ts';
import { createSpanEncoder, type SpanData } from '../../src/telemetry/span-data.ts';
import { createSpanExport } from '../../src/telemetry/span-export.ts';
import { recordingLog } from '../support/log.ts';

const resource = resourceFromAttributes({ 'service.name': 'postern' });
const scope = { name: 'postern', version: '0.0.0-test' };

/** A request that has come whole and is not yet answered. */
interface Held {
  readonly names: readonly string[];
  answer(status: number, headers?: Record<string, string>): void;
}

/** A collector that answers when it is told to. */
async function heldCollector(t: Test) {
  const held: Held[] = [];
  const waiting: ((request: Held) => void)[] = [];
  const server = createServer(async (request, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const names = decodeSpans(Buffer.concat(chunks)).map(({ name }) => name);
    const one: Held = { names, answer: (status, headers = {}) => void response.writeHead(status, headers).end() };
    const taker = waiting.shift();
    if (taker === undefined) held.push(one);
    else taker(one);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // listening on TCP, so never a path or null
  return {
    url: `http://127.0.0.1:${port}/v1/traces`,
    next: () => {
      const one = held.shift();
      return one === undefined ? new Promise<Held>((resolve) => waiting.push(resolve)) : Promise.resolve(one);
    },
  };
}

async function world(t: Test, settings: Partial<BatchSettings> = {}) {
  const collector = await heldCollector(t);
  const log = recordingLog();
  const spans = createSpanExport({
    post: createPost({ url: collector.url, headers: async () => ({}), signal: 'TRACES' }),
    batch: {
      ...{ maxQueueSize: 100, maxExportBatchSize: 2, scheduledDelayMillis: 60_000, exportTimeoutMillis: 30_000 },
      ...settings,
    },
    encoder: createSpanEncoder(2_048),
    meters: new MeterProvider({ resource }),
    ...{ resource, scope, log },
  });
  return { collector, log, spans };
}

function span(name: string): SpanData {
  const ids = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
  return {
    ...{ name, kind: 'server', span: ids, parent: undefined, remoteParent: false, start: 1, end: 2, links: [] },
    attributes: (to) => to.set('padding', name.repeat(100)),
    failed: false,
  };
}

test('spans written while a request is on its way go with the next one, in order, each once', async (t) => {
  const { collector, spans } = await world(t);
  for (const name of ['one', 'two']) spans.write(span(name));
  const first = await collector.next();
  for (const name of ['three', 'four', 'five']) spans.write(span(name));
  t.strictSame(first.names, ['one', 'two']);
  first.answer(200);
  const second = await collector.next();
  t.strictSame(second.names, ['three', 'four']);
  second.answer(200);
  const flushed = spans.flush();
  const third = await collector.next();
  t.strictSame(third.names, ['five'], 'an incomplete batch goes when asked to');
  third.answer(200);
  await flushed;
});

test('spans that trickle in while the collector is silent share a batch: each takes a quarter of a megabyte', async (t) => {
  const { collector, spans } = await world(t, { scheduledDelayMillis: 1, maxExportBatchSize: 10 });
  spans.write(span('one'));
  const first = await collector.next();
  for (const name of ['two', 'three', 'four']) {
    spans.write(span(name));
    await new Promise((resolve) => setTimeout(resolve, 1)); // after the one of the batch: timers of one length end in order
  }
  first.answer(200);
  const second = await collector.next();
  t.strictSame(second.names, ['two', 'three', 'four']);
  second.answer(200);
  await spans.flush();
});

test('a collector that is too busy gets the same request again', async (t) => {
  const { collector, spans, log } = await world(t);
  for (const name of ['one', 'two']) spans.write(span(name));
  (await collector.next()).answer(503, { 'retry-after': '0' });
  const again = await collector.next();
  t.strictSame(again.names, ['one', 'two']);
  again.answer(200);
  await spans.flush();
  t.strictSame(log.lines, [], 'nothing was lost');
});

test('while one waits to be sent again, a full batch behind it ends the trying', async (t) => {
  const { collector, spans, log } = await world(t);
  for (const name of ['one', 'two', 'three', 'four']) spans.write(span(name));
  (await collector.next()).answer(503, { 'retry-after': '30' });
  const next = await collector.next();
  t.strictSame(next.names, ['three', 'four']);
  next.answer(200);
  await spans.flush();
  t.match(log.lines, [{ message: 'telemetry: spans not exported' }, { message: 'telemetry: spans exported again' }]);
});

test('more spans than the queue holds are dropped, not kept', async (t) => {
  const { collector, spans } = await world(t, { maxQueueSize: 3 });
  for (const name of ['one', 'two', 'three', 'four', 'five']) spans.write(span(name));
  const first = await collector.next();
  first.answer(200);
  const flushed = spans.flush();
  const second = await collector.next();
  t.strictSame([...first.names, ...second.names], ['one', 'two', 'three']);
  second.answer(200);
  await flushed;
});

test('a collector that never answers: given up at the time set for an export', async (t) => {
  const { collector, spans, log } = await world(t, { exportTimeoutMillis: 20 });
  for (const name of ['one', 'two']) spans.write(span(name));
  await collector.next();
  const closed = spans.close();
  await t.rejects(closed, /did not take all/);
  t.match(log.lines, [{ message: 'telemetry: spans not exported' }]);
});

test('after close nothing is taken', async (t) => {
  const { spans } = await world(t);
  await spans.close();
  spans.write(span('late'));
  await spans.flush();
});

test('the memory of a batch is used again only when it was given back, and grows with large spans', (t) => {
  const head = requestHead(resource, scope);
  const batches = createSpanBatches(head);
  const encoder = createSpanEncoder(2_048);
  const add = (to: ReturnType<typeof batches.take>, name: string) => {
    const { bytes, at, length } = encoder.encode(span(name));
    to.add(bytes, at, length);
  };
  const kept = batches.take();
  for (let n = 0; n < 400; n += 1) add(kept, `span-${n}`);
  const request = kept.request();
  t.ok(request.length > 262_144, 'beyond what a batch begins with');
  const other = batches.take();
  add(other, 'other');
  t.equal(decodeSpans(request).at(-1)?.name, 'span-399');
  batches.giveBack(kept);
  const again = batches.take();
  t.equal(again, kept);
  t.equal(again.spans, 0);
  add(again, 'fresh');
  t.strictSame(
    decodeSpans(again.request()).map(({ name, resource: { 'service.name': service } }) => [name, service]),
    [['fresh', 'postern']],
  );
  t.equal(decodeSpans(other.request())[0]?.name, 'other');
  batches.giveBack(again);
  batches.giveBack(again);
  t.not(batches.take(), batches.take(), 'given back twice, it is still lent once');
  t.end();
});
