// HTTP/2 towards the upstream, where a route asks for it: the same call, other framing.

import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
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

/** Answers with the protocol it was asked over and the length of the body; `/v1/stuck` never. */
const echo = async (request: Http2ServerRequest, response: Http2ServerResponse) => {
  if (request.url.endsWith('/stuck')) {
    request.resume();
    return;
  }
  let length = 0;
  for await (const chunk of request) length += chunk.length;
  response.end(`${request.httpVersion} ${length}`);
};

const textOf = async (answer: IncomingMessage) => (await answer.setEncoding('utf8').toArray()).join('');

test('a streamed upload arrives whole, over HTTP/1.1', async (t) => {
  const upstream = await http2Upstream(echo);
  const { gate } = await forwardingWorld(t, upstream, { ...http2, stream: true });
  const request = httpRequest(`${gate.url}/things/a`, { method: 'POST' });
  for (let part = 0; part < 16; part += 1) request.write(Buffer.alloc(65_536));
  request.end();
  t.equal(await textOf(await answerTo(request)), '1.1 1048576');
});

test('a body that was read whole goes over HTTP/2 as long as it leaves with its headers', async (t) => {
  const upstream = await http2Upstream(echo);
  const { gate } = await forwardingWorld(t, upstream, http2);
  const post = async (length: number) =>
    (await fetch(`${gate.url}/things/a`, { method: 'POST', body: Buffer.alloc(length) })).text();
  t.equal(await post(16_384), '2.0 16384');
  t.equal(await post(16_385), '1.1 16385');
});

test('uploads given up before the answer end at once, and the calls beside them go on', async (t) => {
  const waiting: Http2ServerResponse[] = [];
  const upstream = await http2Upstream((request, response) => {
    if (request.url.endsWith('/later')) waiting.push(response);
    else void echo(request, response);
  });
  const { gate } = await forwardingWorld(t, upstream, { ...http2, stream: true });
  const later = answerTo(httpRequest(`${gate.url}/things/later`).end());
  await until(() => waiting.length === 1);
  const uploads = [1, 2, 3, 4].map((number) => {
    const upload = httpRequest(`${gate.url}/things/stuck`, { method: 'POST', agent: false }).on('error', () => {});
    upload.write(Buffer.alloc(70_000));
    // Of half of them the body is whole.
    return number % 2 === 0 ? upload.end() : upload;
  });
  await until(() => upstream.received.length === 5);
  const versions = upstream.received.map(({ httpVersion }) => httpVersion);
  // Over HTTP/2 what follows would hang this process: see `largestHttp2Body` of pools.ts.
  if (!t.strictSame(versions, ['2.0', '1.1', '1.1', '1.1', '1.1'])) return;

  for (const upload of uploads) upload.destroy();
  for (const _ of uploads) t.match(await gate.ended(), { end: 'client_abort' });
  await until(() => upstream.sockets.size === 1);

  const upload = httpRequest(`${gate.url}/things/a`, { method: 'POST' });
  upload.end(Buffer.alloc(70_000));
  t.equal(await textOf(await answerTo(upload)), '1.1 70000');
  waiting[0]?.end('it came');
  t.equal(await textOf(await later), 'it came');
});

test('both protocols share the places of their upstream, and end together', async (t) => {
  const upstream = await http2Upstream(echo);
  const route = { ...http2.route, maxConnections: 1 };
  const { gate } = await forwardingWorld(t, upstream, { ...http2, route, stream: true });
  const call = httpRequest(`${gate.url}/things/stuck`).end();
  const upload = httpRequest(`${gate.url}/things/stuck`, { method: 'POST' });
  upload.write('a');
  await until(() => upstream.received.length === 2);
  t.match(gate.forwarding.stats(), { active: 2, queued: 0, upstreams: [{ active: 2, queued: 0 }] });
  t.equal(upstream.sockets.size, 2);
  t.equal((await fetch(`${gate.url}/things/a`)).headers.get('postern-reason'), 'upstream_overloaded');

  const answers = [answerTo(call), answerTo(upload)];
  await gate.forwarding.closeNow();
  for (const { statusCode } of await Promise.all(answers)) t.equal(statusCode, 503);
  await until(() => upstream.sockets.size === 0);
  t.match(gate.forwarding.stats(), { active: 0, queued: 0 });
});

for (const stream of [false, true]) {
  test(`closing after calls were given up, with bodies ${stream ? 'streamed' : 'read whole'}, breaks nothing`, async (t) => {
    const silent: Http2ServerResponse[] = [];
    const upstream = await http2Upstream((request, response) => {
      if (request.url.endsWith('/late')) silent.push(response);
      else if (request.method === 'HEAD') response.end();
      else response.write('data: 1\n\n');
    });
    const { gate } = await forwardingWorld(t, upstream, { ...http2, stream });
    const calls = ['begun', 'late', 'begun', 'late', 'begun', 'begun'].map((name) =>
      httpRequest(`${gate.url}/things/${name}`, { method: 'POST', agent: false }).on('error', () => {}),
    );
    for (const call of calls) {
      call.write(Buffer.alloc(1_000));
      if (!stream) call.end();
    }
    await until(() => upstream.received.length === calls.length);
    await until(() => gate.attempts.filter(({ passed }) => passed > 0).length === 4);
    for (const call of calls) call.destroy();
    for (const _ of calls) t.match(await gate.ended(), { end: 'client_abort' });
    // Of a stream that was given up without a reset Node makes a new one when its answer comes, which nobody listens to.
    for (const response of silent) response.write('data: 1\n\n');
    t.equal((await fetch(`${gate.url}/things/ping`, { method: 'HEAD' })).status, 200);
    // Its error would be uncaught, and fail this test.
    await gate.forwarding.closeNow();
    await until(() => upstream.sockets.size === 0);
  });
}

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
