// The upstream of a run: small answers on bare sockets; streams of events, transfers and a WebSocket echo on node:http; and
// the small answers again over TLS, HTTP/1.1 and HTTP/2.

import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { answerHeaders, completion, event, machineMicroseconds } from './answers.ts';
import { announce, readJob } from './job.ts';
import { response, startSmallServer } from './small.ts';

const block = Buffer.alloc(65_536, 'x');

/** Streams open now, and transfers counted: what must be back at zero after a run. */
let open = 0;

function serve(request: IncomingMessage, answer: ServerResponse): void {
  open += 1;
  answer.once('close', () => {
    open -= 1;
  });
  const url = new URL(request.url ?? '/', 'http://upstream');
  const query = (name: string) => Number(url.searchParams.get(name) ?? '0');
  switch (url.pathname) {
    case '/v1/chat/completions':
      request.resume().on('end', () => sendEvents(answer, query('events'), query('every')));
      break;
    case '/up':
      receive(request, answer);
      break;
    case '/down':
      request.resume();
      send(answer, query('bytes'));
      break;
    default:
      request.resume();
      answer.writeHead(404).end();
  }
}

/** Streams share one timer for each interval, as their events then leave in bunches: the harder case for a proxy. */
function sendEvents(answer: ServerResponse, events: number, every: number): void {
  answer.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  answer.flushHeaders();
  let sent = 0;
  // Starts are spread over the interval, so that not all streams speak at once.
  let next = performance.now() + Math.random() * every;
  const tick = () => {
    if (answer.destroyed) return;
    answer.write(event(machineMicroseconds()));
    sent += 1;
    if (sent >= events) {
      answer.end('data: [DONE]\n\n');
      return;
    }
    next += every;
    setTimeout(tick, Math.max(0, next - performance.now()));
  };
  setTimeout(tick, Math.max(0, next - performance.now()));
}

function receive(request: IncomingMessage, answer: ServerResponse): void {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on('end', () => answer.writeHead(200, { 'content-type': 'text/plain' }).end(String(bytes)));
}

function send(answer: ServerResponse, bytes: number): void {
  answer.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes });
  let left = bytes;
  const push = () => {
    while (left > 0) {
      const piece = left < block.length ? block.subarray(0, left) : block;
      left -= piece.length;
      if (!answer.write(piece)) {
        answer.once('drain', push);
        return;
      }
    }
    answer.end();
  };
  push();
}

function secure(): Promise<number> {
  const fixture = (name: string) =>
    readFileSync(fileURLToPath(new URL(`../../test/support/forwarding-tls/${name}`, import.meta.url)));
  const body = completion();
  const head = Object.fromEntries(answerHeaders.map((line) => line.split(': ')));
  const server = createSecureServer(
    { cert: fixture('cert.pem'), key: fixture('key.pem'), allowHTTP1: true },
    (request: Http2ServerRequest, answer: Http2ServerResponse) => {
      request.resume();
      request.on('end', () => {
        answer.writeHead(200, { ...head, 'content-length': body.length });
        answer.end(body);
      });
    },
  );
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

readJob();
const small = await startSmallServer(response(answerHeaders, completion()));
const tls = await secure();
const server = createServer({ keepAliveTimeout: 65_000 }, serve);
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
server.on('upgrade', (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, (websocket) => {
    websocket.on('message', (data, binary) => websocket.send(data, { binary }));
  });
});
process.on('message', () => process.send?.({ open, sockets: sockets.clients.size }));
server.listen(0, '127.0.0.1', () => announce(server.address(), { small, tls }));
