// Upstreams of end-to-end tests: one that keeps everything it received, bodies and tokens too, and answers as the test says.

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Test } from 'tap';
import { claimsOf } from './sts-issuer.ts';

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** The bearer token, as it was received. */
  readonly token: string | undefined;
  /** Its claims, unverified; empty when it is no JWT. */
  readonly claims: Record<string, unknown>;
}

export type Answer = (response: ServerResponse, received: Received) => void;

export interface RecordingUpstream {
  readonly url: string;
  readonly received: readonly Received[];
  /** From now on requests are answered like this. */
  answerWith(answer: Answer): void;
  /** Takes upgrades; without it they are answered as requests. */
  onUpgrade(take: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void;
  /** Connections open now. */
  connections(): Promise<number>;
}

const ok: Answer = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end('{"ok":true}');
};

export async function startRecordingUpstream(t: Test): Promise<RecordingUpstream> {
  const received: Received[] = [];
  let answer = ok;

  const server = createServer((request, response) => {
    readReceived(request).then(
      (one) => {
        received.push(one);
        answer(response, one);
      },
      () => response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    received,
    answerWith(next) {
      answer = next;
    },
    onUpgrade(take) {
      server.on('upgrade', take);
    },
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((failure, count) => (failure === null ? resolve(count) : reject(failure)));
      }),
  };
}

async function readReceived(request: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  return {
    method: request.method ?? '',
    url: request.url ?? '',
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    body: Buffer.concat(chunks),
    token,
    // A JWT's header begins so; opaque tokens have dots too (ya29.c.…).
    claims: token?.startsWith('eyJ') === true && token.split('.').length === 3 ? claimsOf(token) : {},
  };
}
