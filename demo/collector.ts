// A small OpenTelemetry collector: takes OTLP/HTTP protobuf, decodes it, keeps it in memory. For the demo and the tests,
// so that both see what really goes over the wire. Listens on loopback only; not for production.

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import {
  type DecodedLog,
  type DecodedMetric,
  type DecodedSpan,
  decodeLogs,
  decodeMetrics,
  decodeSpans,
} from './otlp.ts';

export type { DecodedLog, DecodedMetric, DecodedSpan } from './otlp.ts';

/** Largest message accepted, in bytes. */
const maxMessage = 16 * 1_048_576;

/** Spans and messages kept; the oldest go first, so that a demo can run for days. */
const maxKept = 10_000;

export interface Collector {
  /** Base URL for OTEL_EXPORTER_OTLP_ENDPOINT or `telemetry.endpoint`. */
  readonly url: string;
  /** Every span received, in order of arrival. */
  spans(): readonly DecodedSpan[];
  metrics(): readonly DecodedMetric[];
  logs(): readonly DecodedLog[];
  /** Messages as they came over the wire, decompressed. */
  rawBytes(): readonly Buffer[];
  /** Resolves with what `find` returns as soon as that is neither undefined nor false; asked again after each message. */
  waitFor<T>(find: (collector: Collector) => T | undefined | false): Promise<T>;
  close(): Promise<void>;
}

export interface CollectorOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number;
}

export async function startCollector({ port = 0 }: CollectorOptions = {}): Promise<Collector> {
  const spans: DecodedSpan[] = [];
  const metrics: DecodedMetric[] = [];
  const logs: DecodedLog[] = [];
  const messages: Buffer[] = [];
  const waiting = new Set<() => void>();
  const abandoned = new Set<(reason: Error) => void>();

  const server = createServer(async (request, response) => {
    try {
      const message = await readMessage(request);
      keep(messages, [message]);
      if (request.url === '/v1/traces') keep(spans, decodeSpans(message));
      else if (request.url === '/v1/metrics') keep(metrics, decodeMetrics(message));
      else if (request.url === '/v1/logs') keep(logs, decodeLogs(message));
      else {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    } catch (failure) {
      response.writeHead(400, { 'content-type': 'text/plain' }).end(failure instanceof Error ? failure.message : 'bad');
    }
    for (const look of waiting) look();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });

  const collector: Collector = {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    spans: () => spans,
    metrics: () => metrics,
    logs: () => logs,
    rawBytes: () => messages,
    waitFor: (find) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = find(collector);
          if (found === undefined || found === false) return;
          waiting.delete(look);
          abandoned.delete(reject);
          resolve(found);
        };
        waiting.add(look);
        abandoned.add(reject);
        look();
      }),
    close: () =>
      new Promise((resolve) => {
        for (const reject of abandoned) reject(new Error('the collector was closed'));
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return collector;
}

async function readMessage(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('expected bytes');
    length += chunk.length;
    if (length > maxMessage) throw new RangeError('the message is too large');
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body, { maxOutputLength: maxMessage }) : body;
}

function keep<T>(all: T[], more: readonly T[]): void {
  all.push(...more);
  if (all.length > maxKept) all.splice(0, all.length - maxKept);
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}
