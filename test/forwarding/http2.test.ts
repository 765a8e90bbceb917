// HTTP/2 towards the upstream, where a route asks for it: the same call, other framing.

import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import { test } from 'tap';
import { portOf, secretText } from '../support/forwarding-gate.ts';
import { type TestUpstream, tlsCert, tlsKey } from '../support/forwarding-upstream.ts';
import { answerTo, forwardingWorld, until } from '../support/forwarding-world.ts';

interface Http2Upstream extends TestUpstream {
  readonly received: Http2ServerRequest[];
}

async function http2Upstream(
  listener: (request: Http2ServerRequest, response: Http2ServerResponse) => void,
): Promise<Http2Upstream> {
  const received: Http2ServerRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createSecureServer({ key: tlsKey, cert: tlsCert, allowHTTP1: true });
  server.on('request', (request, response) => {
    received.push(request);
    listener(request, response);
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `https://localhost:${portOf(server.address())}`,
    requests: [],
    received,
    sockets,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const http2 = { ca: [tlsCert], route: { http2: true } };

test('a call over HTTP/2 arrives and returns whole', async (t) => {
  const upstream = await http2Upstream(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    response.writeHead(200, { 'content-type': 'application/json', 'set-cookie': ['a=1', 'b=2'], 'x-kept': ['1', '2'] });
    response.end(JSON.stringify({ body, secret: secretText }));
  });
  const { gate } = await forwardingWorld(t, upstream, http2);
  const answer = await fetch(`${gate.url}/things/a?b=c`, { method: 'POST', body: '{"x":1}' });
  t.strictSame(await answer.json(), { body: '{"x":1}', secret: '*'.repeat(secretText.length) });
  t.equal(answer.headers.get('x-kept'), '1, 2');
  t.equal(answer.headers.get('set-cookie'), null);
  const [request] = upstream.received;
  t.equal(request?.httpVersion, '2.0');
  t.match(request?.headers, {
    ':path': '/v1/a?b=c',
    ':authority': new URL(upstream.origin).host,
    authorization: `Bearer ${secretText}`,
  });
  t.match(await gate.ended(), { status: 200, end: 'complete' });
});

test('streams share a connection, and an agent that leaves ends only its own', async (t) => {
  const responses: Http2ServerResponse[] = [];
  const upstream = await http2Upstream((_request, response) => {
    responses.push(response);
    response.write('data: 1\n\n');
  });
  const { gate } = await forwardingWorld(t, upstream, http2);
  const first = await answerTo(httpRequest(`${gate.url}/things/1`).end());
  const second = await answerTo(httpRequest(`${gate.url}/things/2`).end());
  first.on('error', () => {});
  t.equal(upstream.sockets.size, 1);

  const [one, two] = responses;
  const closed = one === undefined ? Promise.resolve([]) : once(one, 'close');
  first.destroy();
  await closed;
  t.match(await gate.ended(), { end: 'client_abort' });

  two?.end('data: 2\n\n');
  let text = '';
  for await (const chunk of second) text += chunk;
  t.equal(text, 'data: 1\n\ndata: 2\n\n');
  t.match(await gate.ended(), { end: 'complete' });
});

test('an agent that leaves before the answer begins: the upstream hears of it when it answers, not before', async (t) => {
  const responses: Http2ServerResponse[] = [];
  const upstream = await http2Upstream((_request, response) => responses.push(response));
  const { gate } = await forwardingWorld(t, upstream, http2);
  const request = httpRequest(`${gate.url}/things/1`, { method: 'POST' });
  request.on('error', () => {}).end('{"x":1}');
  await until(() => responses.length === 1);
  request.destroy();
  t.match(await gate.ended(), { end: 'client_abort' });
  const [response] = responses;
  t.equal(response?.stream.closed, false, 'reset now, it could hang the gate: see upstream.ts');

  const closed = response === undefined ? Promise.resolve([]) : once(response, 'close');
  response?.write('data: 1\n\n');
  await closed;
  t.equal(response?.stream.closed, true);
});

test('a streamed upload over HTTP/2 arrives whole', async (t) => {
  const upstream = await http2Upstream(async (request, response) => {
    let length = 0;
    for await (const chunk of request) length += chunk.length;
    response.end(String(length));
  });
  const { gate } = await forwardingWorld(t, upstream, { ...http2, stream: true });
  const request = httpRequest(`${gate.url}/things/a`, { method: 'POST' });
  for (let part = 0; part < 16; part += 1) request.write(Buffer.alloc(65_536));
  request.end();
  const answer = await answerTo(request);
  t.equal((await answer.setEncoding('utf8').toArray()).join(''), '1048576');
});

test('a stream the upstream resets is an upstream error', async (t) => {
  const upstream = await http2Upstream((_request, response) => response.stream.close(2));
  const { gate } = await forwardingWorld(t, upstream, http2);
  t.equal((await fetch(`${gate.url}/things/a`)).status, 502);
  t.match(await gate.ended(), { reason: 'upstream_answer_malformed' });
});

test('without http2 the same upstream is asked over HTTP/1.1', async (t) => {
  const upstream = await http2Upstream((request, response) => response.end(request.httpVersion));
  const { gate } = await forwardingWorld(t, upstream, { ca: [tlsCert] });
  t.equal(await (await fetch(`${gate.url}/things/a`)).text(), '1.1');
});
