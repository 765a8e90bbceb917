// A pool of HTTP/1.1 connections to an upstream of raw sockets, and receivers that note what they hear.

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { Test } from 'tap';
import { createAddressPolicy } from '../../src/base/addresses.ts';
import type { Link, Pool, Receiver, UpstreamRequest } from '../../src/base/http1/exchange.ts';
import { createHttp1Pool, type UpstreamPoolOptions } from '../../src/base/http1/pool.ts';
import { portOf } from './forwarding-gate.ts';

export const get: UpstreamRequest = { method: 'GET', path: '/', headers: [], body: undefined, idleMs: 60_000 };

export interface Heard extends Receiver {
  readonly events: string[];
  status: number | undefined;
  lines: readonly string[];
  readonly pieces: Buffer[];
  link: Link | undefined;
  /** Settles with the body, or with the code of what went wrong. */
  readonly outcome: Promise<string>;
}

/** @param change methods in place of its own */
export function listener(change: Partial<Receiver> = {}): Heard {
  const { promise, resolve } = Promise.withResolvers<string>();
  const heard: Heard = {
    events: [],
    status: undefined,
    lines: [],
    pieces: [],
    link: undefined,
    outcome: promise,
    onStart(link) {
      heard.events.push('start');
      heard.link = link;
    },
    onHead(status, lines) {
      heard.events.push('head');
      heard.status = status;
      heard.lines = lines;
    },
    onData(piece) {
      heard.pieces.push(piece);
      return true;
    },
    onEnd() {
      heard.events.push('end');
      resolve(Buffer.concat(heard.pieces).toString());
    },
    onError(error) {
      heard.events.push('error');
      resolve(error instanceof Error && 'code' in error ? String(error.code) : String(error));
    },
    ...change,
  };
  return heard;
}

export interface RawServer {
  readonly origin: string;
  /** Connections so far, in order. */
  readonly sockets: Socket[];
  /** Heads of requests so far; bodies are not read apart. */
  readonly requests: string[];
}

/** @param answer called once for each request head, with how many came before on this connection */
export async function rawServer(
  t: Test,
  answer: (socket: Socket, request: string, before: number) => void,
): Promise<RawServer> {
  const sockets: Socket[] = [];
  const requests: string[] = [];
  const server = createServer((socket) => {
    let before = 0;
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      const request = bytes.toString('latin1');
      if (!/^[A-Z]+ \/\S* HTTP/.test(request)) return;
      requests.push(request);
      answer(socket, request, before);
      before += 1;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { origin: `http://127.0.0.1:${portOf(server.address())}`, sockets, requests };
}

export function poolTo(t: Test, origin: string, change: Partial<UpstreamPoolOptions> = {}): Pool {
  const pool = createHttp1Pool({
    origin,
    addresses: createAddressPolicy(),
    ca: [],
    connectMs: 10_000,
    maxConnections: 4,
    ...change,
  });
  t.teardown(() => pool.destroy());
  return pool;
}

/** One exchange from beginning to end. */
export async function ask(pool: Pool, change: Partial<UpstreamRequest> = {}): Promise<Heard & { body: string }> {
  const heard = listener();
  pool.send({ ...get, ...change }, heard);
  const body = await heard.outcome;
  return { ...heard, body };
}

export const answer = (body: string, ...lines: string[]) =>
  ['HTTP/1.1 200 OK', `content-length: ${body.length}`, ...lines, '', body].join('\r\n');
