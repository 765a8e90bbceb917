// A listener whose calls a test answers itself, and an agent that says what it is told to, byte for byte.

import { connect, type Socket } from 'node:net';
import type { Test } from 'tap';
import type { Arrival } from '../../src/call.ts';
import { listenOutbound, type OutboundListener, type OutboundOptions } from '../../src/listeners/outbound.ts';
import type { HttpTransport } from '../../src/transport.ts';
import { standardListener } from './listeners-refusing.ts';

export interface Taken {
  readonly arrival: Arrival;
  readonly transport: HttpTransport;
  /** Which of the two read the request. */
  readonly by: 'gate' | 'node';
}

export interface HoldingListener extends OutboundListener {
  /** The next call that was not asked for yet. */
  next(): Promise<Taken>;
  /** Everything that arrived, in order. */
  readonly arrivals: readonly Arrival[];
}

export async function listenHolding(t: Test, options: Partial<OutboundOptions> = {}): Promise<HoldingListener> {
  const arrivals: Arrival[] = [];
  const waiting: ((arrival: Arrival) => void)[] = [];
  const unread: Arrival[] = [];
  const listener = await listenOutbound({
    ...standardListener,
    async carry(arrival) {
      arrivals.push(arrival);
      const resolve = waiting.shift();
      if (resolve === undefined) unread.push(arrival);
      else resolve(arrival);
    },
    ...options,
  });
  t.teardown(() => listener.drain(0));
  return {
    ...listener,
    arrivals,
    async next() {
      const arrival = unread.shift() ?? (await new Promise<Arrival>((resolve) => waiting.push(resolve)));
      const { transport } = arrival;
      if (transport.kind !== 'http') throw new Error('an upgrade');
      return { arrival, transport, by: 'whole' in transport.request ? 'gate' : 'node' };
    },
  };
}

/** Answers every call with what it was: `POST /path body`. */
export async function listenEchoing(t: Test, options: Partial<OutboundOptions> = {}): Promise<HoldingListener> {
  const by: Arrival[] = [];
  const listener = await listenHolding(t, {
    ...options,
    async carry(arrival) {
      by.push(arrival);
      if (arrival.transport.kind === 'http') answerWith(arrival.transport, await told(arrival));
    },
  });
  return { ...listener, arrivals: by };
}

/** Who read each request of an echoing listener. */
export function readers({ arrivals }: HoldingListener): string[] {
  return arrivals.map(({ transport }) => ('whole' in transport.request ? 'gate' : 'node'));
}

export async function told({ method, target, transport }: Arrival): Promise<string> {
  return `${method} ${target} ${await bodyOf(transport)}`.trimEnd();
}

async function bodyOf({ request }: Arrival['transport']): Promise<string> {
  if ('whole' in request) return request.whole.toString('latin1');
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

export function answerWith({ response }: HttpTransport, body: string): void {
  response.writeHead(200, ['content-length', String(Buffer.byteLength(body))]);
  response.end(Buffer.from(body));
}

export interface Agent {
  readonly socket: Socket;
  /** Resolves when the bytes were handed to the system. */
  send(text: string): Promise<void>;
  received(): string;
  /** @returns what was received, as soon as that matches */
  until(expected: RegExp): Promise<string>;
  /** @returns what was received until the gate closed the connection, by FIN or by reset */
  readonly closed: Promise<string>;
}

/** @param url as the listener tells it */
export async function dial(t: Test, url: string, options: { readonly allowHalfOpen?: boolean } = {}): Promise<Agent> {
  const { hostname, port } = new URL(url);
  const at = url.startsWith('unix:') ? { path: url.slice('unix:'.length) } : { host: hostname, port: Number(port) };
  const socket = connect({ ...at, ...options });
  let text = '';
  const awaited: { readonly expected: RegExp; readonly resolve: (text: string) => void }[] = [];
  const closed = new Promise<string>((resolve) => socket.on('close', () => resolve(text)));
  socket.on('error', () => {});
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
    for (const { expected, resolve } of awaited) if (expected.test(text)) resolve(text);
  });
  t.teardown(() => socket.destroy());
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  socket.setNoDelay(true);
  return {
    socket,
    send: (bytes) => new Promise((resolve) => socket.write(bytes, 'latin1', () => resolve())),
    received: () => text,
    until(expected) {
      return new Promise((resolve) => {
        if (expected.test(text)) resolve(text);
        else awaited.push({ expected, resolve });
      });
    },
    closed,
  };
}

/** The bodies of answers with a length, in order. */
export function bodies(received: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < received.length; ) {
    const end = received.indexOf('\r\n\r\n', at);
    if (end === -1) return [...found, 'a half head'];
    const length = Number(/content-length: (\d+)/i.exec(received.slice(at, end))?.[1] ?? '0');
    found.push(received.slice(end + 4, end + 4 + length));
    at = end + 4 + length;
  }
  return found;
}

export function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: gate\r\n\r\n`;
}

export function post(path: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: gate\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** Until something of the other side has happened: turns of the event loop, no time. */
export async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await turn();
}
