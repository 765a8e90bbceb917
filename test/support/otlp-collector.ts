// Collectors of raw sockets, with and without TLS, and what is posted to them: for what no well-behaved server answers.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createSecureServer } from 'node:tls';
import type { Test } from 'tap';
import { createPost, type PostLimits } from '../../src/telemetry/otlp-post.ts';
import { portOf } from './forwarding-gate.ts';

const tls = join(import.meta.dirname, 'forwarding-tls');
const read = (name: string) => readFileSync(join(tls, name));

/** For OTEL_EXPORTER_OTLP_CERTIFICATE. */
export const certificateFile = join(tls, 'cert.pem');

/** What the gate's own client is for, and what Node's. */
export type Scheme = 'http' | 'https';

export interface Collector {
  readonly url: string;
  readonly port: number;
  /** Connections so far, in order. */
  readonly sockets: readonly Socket[];
  /** Whole requests so far, one character a byte. */
  readonly requests: readonly string[];
  /** The first request has come whole. */
  readonly first: Promise<void>;
}

export type Answering = (socket: Socket, request: string, count: number) => void;

/** @param answering is told of each request and how many came before it on whatever connection */
export async function startCollector(t: Test, scheme: Scheme, answering: Answering, host = '127.0.0.1') {
  const sockets: Socket[] = [];
  const requests: string[] = [];
  const { promise: first, resolve: arrived } = Promise.withResolvers<void>();
  const onSocket = (socket: Socket) => {
    let text = '';
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      const [, head = '', body = ''] = /^(.*?\r\n\r\n)(.*)$/s.exec(text) ?? [];
      if (head === '' || body.length < Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1])) return;
      requests.push(text);
      text = '';
      answering(socket, head + body, requests.length - 1);
      arrived();
    });
  };
  const server: Server =
    scheme === 'https'
      ? createSecureServer({ cert: read('cert.pem'), key: read('key.pem') }, onSocket)
      : createPlainServer(onSocket);
  server.listen(0, host);
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const port = portOf(server.address());
  const collector: Collector = { url: `${scheme}://${host}:${port}/v1/traces`, port, sockets, requests, first };
  return collector;
}

/** Posts without an end but that of the environment, unless one is given. */
export function postTo(url: string, headers: Record<string, string> = {}) {
  const post = createPost({ url, headers: async () => headers, signal: 'TRACES' });
  return (body = 'x', limits: Partial<PostLimits> = {}) =>
    post(Buffer.from(body), { signal: new AbortController().signal, ...limits });
}

export const taken = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
