// Upstreams to forward to: well-behaved HTTP ones that keep what they received, and raw sockets that answer any bytes.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { portOf } from './forwarding-gate.ts';

const pair = join(import.meta.dirname, 'forwarding-tls');

/** A self-signed pair for localhost, made for these tests and valid for a hundred years. */
export const tlsKey = readFileSync(join(pair, 'key.pem'), 'utf8');
export const tlsCert = readFileSync(join(pair, 'cert.pem'), 'utf8');

export interface TestUpstream {
  readonly origin: string;
  readonly requests: IncomingMessage[];
  /** Connections open now. */
  readonly sockets: Set<Socket>;
  close(): Promise<void>;
}

export async function startUpstream(listener: RequestListener, options: { tls?: boolean } = {}): Promise<TestUpstream> {
  const requests: IncomingMessage[] = [];
  const record: RequestListener = (request, response) => {
    requests.push(request);
    listener(request, response);
  };
  const server = options.tls === true ? createTlsServer({ key: tlsKey, cert: tlsCert }, record) : createServer(record);
  const sockets = keepSockets(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server.address());
  return {
    origin: options.tls === true ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    requests,
    sockets,
    async close() {
      server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** An upstream that speaks whatever `serve` writes, once a request head has come in. */
export async function startRawUpstream(serve: (socket: Socket, head: string) => void): Promise<TestUpstream> {
  const server = createTcpServer((socket) => {
    let head = '';
    socket.on('error', () => {});
    socket.on('data', function read(chunk) {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', read);
      serve(socket, head);
    });
  });
  const sockets = keepSockets(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${portOf(server.address())}`,
    requests: [],
    sockets,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function keepSockets(server: { on(event: 'connection', listener: (socket: Socket) => void): unknown }): Set<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}
