// A server whose every request is answered by an AgentAnswer, over real sockets, and clients that read what comes of it.

import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Test } from 'tap';
import { AgentAnswer } from '../../src/listeners/agent-answer.ts';

export interface Answered {
  readonly answer: AgentAnswer;
  /** How often the connection was told that it may go on. */
  answered(): number;
}

export interface AnsweringServer {
  readonly url: string;
  /** Of a client that keeps its connection. */
  readonly agent: HttpAgent;
  /** Every connection there was. */
  readonly sockets: readonly Socket[];
  /** The answer to the next request. */
  next(method: string): Promise<Answered>;
  /** The same, for a client that reads nothing until it is told to. */
  dialled(method: string): Promise<Answered & { readonly client: Socket }>;
}

export async function listenAnswering(t: Test): Promise<AnsweringServer> {
  const sockets: Socket[] = [];
  const asked: Socket[] = [];
  const waiting: ((socket: Socket) => void)[] = [];
  const current = new WeakMap<Socket, AgentAnswer>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('close', () => current.get(socket)?.cut());
    socket.on('drain', () => current.get(socket)?.emit('drain'));
    socket.on('end', () => socket.end());
    socket.on('data', () => {
      const resolve = waiting.shift();
      if (resolve === undefined) asked.push(socket);
      else resolve(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => {
    agent.destroy();
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  async function next(method: string): Promise<Answered> {
    const socket = asked.shift() ?? (await new Promise<Socket>((resolve) => waiting.push(resolve)));
    let count = 0;
    const answered = () => {
      count += 1;
    };
    const answer = new AgentAnswer({ socket, ownLines, answered }, method);
    current.set(socket, answer);
    return { answer, answered: () => count };
  }

  return {
    url: url(server),
    agent,
    sockets,
    next,
    async dialled(method) {
      const client = dial(url(server));
      client.pause();
      t.teardown(() => client.destroy());
      return { ...(await next(method)), client };
    },
  };
}

function ownLines(dated: boolean): string {
  const date = dated ? '' : 'date: Mon, 21 Sep 2026 14:13:20 GMT\r\n';
  return `${date}connection: keep-alive\r\nkeep-alive: timeout=5\r\n`;
}

export function url(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

export interface Seen {
  readonly status: number | undefined;
  readonly complete: boolean;
  /** Values by lower-case name. */
  readonly headers: Map<string, string[]>;
  readonly body: Buffer;
}

/** What Node's client reads. @param how `slowly`: a turn of the event loop between two pieces */
export function fetchOver(
  server: { readonly url: string },
  method: string,
  agent: HttpAgent | undefined,
  how: { readonly slowly?: boolean } = {},
): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(server.url, { method, ...(agent && { agent }) }, async (response) => {
      const headers = new Map<string, string[]>();
      for (const [name, values] of Object.entries(response.headersDistinct)) headers.set(name, values ?? []);
      const pieces: Buffer[] = [];
      for await (const piece of response) {
        pieces.push(piece);
        if (how.slowly === true) await new Promise((next) => setImmediate(next));
      }
      // Once the connection is the agent's again.
      setImmediate(() =>
        resolve({ status: response.statusCode, complete: response.complete, headers, body: Buffer.concat(pieces) }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Everything that comes until the connection is closed. */
export function readTo(server: { readonly url: string }): Promise<string> {
  const client = dial(server.url);
  let text = '';
  client.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
  });
  return new Promise((resolve) => client.on('close', () => resolve(text)));
}

function dial(to: string): Socket {
  const client = connect(Number(new URL(to).port), '127.0.0.1', () =>
    client.write('GET / HTTP/1.1\r\nHost: gate\r\n\r\n'),
  );
  client.on('error', () => {});
  return client;
}
