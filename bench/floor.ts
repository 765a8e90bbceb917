// The bare pipeline: node:http to undici dispatch and nothing else. The limit this runtime sets; Postern is measured against it.
// Written the fastest sound way known here: flat raw headers both ways, small bodies in one piece, the last chunk with the end,
// and the upstream aborted when the client leaves (without that, sockets leak). It authenticates nobody: never use it.

import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Dispatcher, Pool } from 'undici';
import { announce, readJob } from './servers/job.ts';

/** Bodies of known length up to this are read whole; as in Postern. */
const maxBuffered = 1_048_576;

const maxConnections = 8_192;
const streamsPerSession = 100;

interface Mount {
  readonly origin: string;
  readonly pool: Pool;
}

const job = readJob();
const ca = job.ca === undefined ? undefined : readFileSync(job.ca, 'utf8');
const mounts = new Map<string, Mount>(
  job.mounts.map(({ path, origin, http2 }) => [
    path,
    {
      origin,
      pool: new Pool(origin, {
        connections: http2 ? Math.ceil(maxConnections / streamsPerSession) : maxConnections,
        pipelining: 1,
        allowH2: http2,
        ...(ca === undefined ? {} : { connect: { ca } }),
      }),
    },
  ]),
);

function mountOf(target: string): { readonly mount: Mount; readonly path: string } | undefined {
  const end = target.indexOf('/', 1);
  const mount = mounts.get(end === -1 ? target : target.slice(0, end));
  return mount && { mount, path: end === -1 ? '/' : target.slice(end) };
}

/** One pass; hop-by-hop names and framing are told apart by their length first. */
function forwarded(raw: readonly string[]): string[] {
  const out: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    switch (name.length) {
      case 2:
      case 4:
      case 6:
      case 7:
      case 10:
      case 14:
      case 16:
      case 17:
        if (isHop(name.toLowerCase())) continue;
    }
    out.push(name, raw[i + 1] ?? '');
  }
  return out;
}

function isHop(name: string): boolean {
  return (
    name === 'te' ||
    name === 'host' ||
    name === 'expect' ||
    name === 'trailer' ||
    name === 'upgrade' ||
    name === 'connection' ||
    name === 'keep-alive' ||
    name === 'content-length' ||
    name === 'proxy-connection' ||
    name === 'transfer-encoding'
  );
}

function returned(raw: Dispatcher.DispatchController['rawHeaders']): { lines: string[]; length: number } {
  const lines: string[] = [];
  let length = -1;
  const list = Array.isArray(raw) ? raw : Object.entries(raw ?? {}).flatMap(([name, value]) => [name, String(value)]);
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]?.toString('latin1') ?? '';
    const value = list[i + 1]?.toString('latin1') ?? '';
    const lower = name.length === 10 || name.length === 14 || name.length === 17 ? name.toLowerCase() : '';
    if (lower === 'connection' || lower === 'transfer-encoding' || name.toLowerCase() === 'keep-alive') continue;
    if (lower === 'content-length') length = Number(value);
    lines.push(name, value);
  }
  return { lines, length };
}

function exchangeHandler(response: ServerResponse): Dispatcher.DispatchHandler {
  let controller: Dispatcher.DispatchController | undefined;
  let remaining = -1;
  let done = false;
  response.on('close', () => {
    if (!done) controller?.abort(new Error('client left'));
  });
  response.on('drain', () => controller?.resume());
  return {
    onRequestStart(given) {
      controller = given;
      if (response.closed) given.abort(new Error('client left'));
    },
    onResponseStart(given, status) {
      if (status < 200) return;
      const head = returned(given.rawHeaders);
      remaining = head.length;
      response.writeHead(status, head.lines);
      if (remaining === -1) response.flushHeaders();
    },
    onResponseData(given, chunk) {
      if (remaining !== -1) {
        remaining -= chunk.length;
        if (remaining <= 0) {
          response.end(chunk);
          return;
        }
      }
      if (!response.write(chunk)) given.pause();
    },
    onResponseEnd() {
      done = true;
      if (!response.writableEnded) response.end();
    },
    onResponseError() {
      done = true;
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    },
  };
}

function carry(request: IncomingMessage, response: ServerResponse): void {
  const found = mountOf(request.url ?? '/');
  if (found === undefined) {
    response.writeHead(404).end();
    return;
  }
  const { mount, path } = found;
  const method = request.method ?? 'GET';
  const headers = forwarded(request.rawHeaders);
  const declared = request.headers['content-length'];
  const length = declared === undefined ? 0 : Number(declared);
  const chunked = request.headers['transfer-encoding'] !== undefined;
  const send = (body: Buffer | IncomingMessage | null) =>
    mount.pool.dispatch({ path, method, headers, body }, exchangeHandler(response));
  if (chunked || length > maxBuffered) {
    if (!chunked) headers.push('content-length', String(length));
    send(request);
    return;
  }
  if (length === 0) {
    send(null);
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => send(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
}

/** WebSocket: the handshake as it came, then the two sockets joined. */
function splice(request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const found = mountOf(request.url ?? '/');
  if (found === undefined) {
    socket.destroy();
    return;
  }
  const { hostname, port, host } = new URL(found.mount.origin);
  const upstream = connect(Number(port), hostname, () => {
    let text = `${request.method} ${found.path} HTTP/1.1\r\nHost: ${host}\r\n`;
    for (let i = 0; i < request.rawHeaders.length; i += 2) {
      const name = request.rawHeaders[i] ?? '';
      if (name.toLowerCase() !== 'host') text += `${name}: ${request.rawHeaders[i + 1]}\r\n`;
    }
    upstream.write(`${text}\r\n`);
    if (head.length > 0) upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
  });
  upstream.setNoDelay(true);
  upstream.on('error', () => socket.destroy());
  socket.on('error', () => upstream.destroy());
  upstream.on('close', () => socket.destroy());
  socket.on('close', () => upstream.destroy());
}

const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 0, noDelay: true }, carry);
server.on('upgrade', splice);
server.listen(0, '127.0.0.1', () => announce(server.address()));
