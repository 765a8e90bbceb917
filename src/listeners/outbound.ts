// The listener agents call: turns each HTTP request and each WebSocket upgrade into an Arrival and lets the pipeline carry it.
// What came whole is read by whole-request.ts, everything else by Node's server: strictly (llhttp refuses CL+TE, bare LF, bad framing).
// Must never relax that: request smuggling.

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer } from '../base/node-http.ts';
import type { Clock, Log } from '../base/ports.ts';
import { randomUuid } from '../base/random-ids.ts';
import { atTurnEnd } from '../base/turn-end.ts';
import type { Arrival, Peer } from '../call.ts';
import type { AgentResponse } from '../transport.ts';
import { type ListenAddress, listen } from './address.ts';
import type { AgentAnswer } from './agent-answer.ts';
import { type AgentConnections, createAgentConnections } from './agent-connection.ts';
import { AgentRequest } from './agent-request.ts';
import { endDetached } from './detached.ts';
import { maxHeaderLines, type Read } from './whole-request.ts';

/** Time for a client to send its whole header block; stops slowloris. Bodies have idle limits only (long uploads are real). */
const headersTimeoutMs = 30_000;

export interface OutboundOptions {
  readonly address: ListenAddress;
  /** Largest request line plus headers, in bytes. */
  readonly maxHeaderBytes: number;
  /** How long an idle keep-alive connection stays open, in milliseconds; above the idle time of whatever stands in front. */
  readonly keepAliveMs: number;
  /** Other threads listen at the same address: the system deals connections out among them (Linux). Off by default. */
  readonly shared?: boolean;
  readonly carry: (arrival: Arrival) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface OutboundListener {
  /** Where it listens: `http://127.0.0.1:8080` or `unix:/path`. */
  readonly url: string;
  /** Calls and tunnels not yet ended. */
  active(): number;
  /** Stops accepting, lets live calls end, cuts what is left after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
}

export async function listenOutbound(options: OutboundOptions): Promise<OutboundListener> {
  const { carry, clock } = options;
  const tunnels = new Set<Duplex>();
  let live = 0;
  let draining = false;

  const server = createServer({
    maxHeaderSize: options.maxHeaderBytes,
    headersTimeout: headersTimeoutMs,
    requestTimeout: 0,
    keepAliveTimeout: options.keepAliveMs,
    requireHostHeader: true,
    insecureHTTPParser: false,
    noDelay: true,
    IncomingMessage: AgentRequest,
  });
  server.maxHeadersCount = maxHeaderLines;

  /** Its own removal in place of `once`, which keeps a wrapper with every open stream. */
  function ended(this: AgentResponse): void {
    this.off('close', ended);
    live -= 1;
    if (draining) server.closeIdleConnections();
  }

  function begin(arrival: Arrival, response: AgentResponse): void {
    live += 1;
    response.on('close', ended);
    // With the other calls of this turn: all are identified, then all are routed, each stage with its code and data at hand.
    atTurnEnd({ turnEnded: () => void carry(arrival) });
  }

  function take({ method, target, rawHeaders, body }: Read, peer: Peer, response: AgentAnswer): void {
    const request = { socket: response.socket, rawHeaders, complete: true, whole: body } as const;
    const transport = { kind: 'http', request, response } as const;
    begin({ id: randomUuid(), at: clock.now(), method, target, rawHeaders, peer, transport }, response);
  }

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (draining) response.shouldKeepAlive = false;
    begin(toArrival(request, { kind: 'http', request, response }, clock), response);
  });

  // Node's own listener of this event is what makes a server of connections: it gets those that are given to it.
  const nodes = server.listeners('connection');
  const giveToNode = (socket: Socket) => {
    for (const listener of nodes) listener.call(server, socket);
  };
  const connections = createAgentConnections({ ...options, take, giveToNode });
  server.removeAllListeners('connection').on('connection', connections.accept);

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    tunnels.add(socket);
    socket.once('close', () => tunnels.delete(socket));
    // Until the tunnel takes over, a reset by the client must not become an unhandled 'error'.
    socket.on('error', () => socket.destroy());
    void carry(toArrival(request, { kind: 'upgrade', request, socket, head }, clock));
  });

  server.on('connect', (_request, socket: Duplex) => {
    // The server lets go of this socket: without being kept here, one CONNECT would hold up a stop for ever.
    tunnels.add(socket);
    socket.once('close', () => tunnels.delete(socket));
    socket.on('error', () => socket.destroy());
    endDetached(socket, 'HTTP/1.1 405 Method Not Allowed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
  });
  server.on('clientError', refuseUnparsed);

  const url = await listen(server, options.address, options.shared);
  return {
    url,
    active: () => live + tunnels.size,
    async drain(timeoutMs) {
      draining = true;
      connections.drain();
      await drainServer({ server, connections, tunnels, timeoutMs, idle: () => live + tunnels.size === 0 });
    },
  };
}

function toArrival(request: IncomingMessage, transport: Arrival['transport'], clock: Clock): Arrival {
  return {
    id: randomUuid(),
    at: clock.now(),
    method: request.method ?? '',
    target: request.url ?? '',
    rawHeaders: request.rawHeaders,
    peer: toPeer(request),
    transport,
  };
}

function toPeer(request: IncomingMessage): Peer {
  return { address: request.socket.remoteAddress ?? '', port: request.socket.remotePort ?? 0, spiffeId: undefined };
}

/** What the parser refused never becomes an Arrival: a bare status, then the connection is closed (no resynchronising). */
function refuseUnparsed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () => socket.destroy());
}

interface Draining {
  readonly server: Server;
  readonly connections: AgentConnections;
  readonly tunnels: ReadonlySet<Duplex>;
  readonly timeoutMs: number;
  readonly idle: () => boolean;
}

async function drainServer({ server, connections, tunnels, timeoutMs, idle }: Draining): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  if (idle()) {
    // Half a request is no call.
    connections.destroy();
    server.closeAllConnections();
  }
  const cut = setTimeout(() => {
    for (const socket of tunnels) socket.destroy();
    connections.destroy();
    server.closeAllConnections();
  }, timeoutMs);
  await closed;
  clearTimeout(cut);
}
