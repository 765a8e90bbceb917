// Small messages to issuers: whole answers, bounded in size and time, never redirected, and errors that tell no secret.

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type Test, test } from 'tap';
import { createAddressPolicy } from '../../src/base/addresses.ts';
import type { SendFailure, SendRequest } from '../../src/base/ports.ts';
import { createSend } from '../../src/base/send.ts';
import { portOf } from '../support/forwarding-gate.ts';
import { startRawUpstream, startUpstream, tlsCert } from '../support/forwarding-upstream.ts';
import { rejection } from '../support/rejection.ts';

const message: Omit<SendRequest, 'url'> = { method: 'POST', headers: {}, maxBytes: 1_000, timeoutMs: 10_000 };

function sender(t: Test, options: Partial<Parameters<typeof createSend>[0]> = {}) {
  const { send, close } = createSend({ addresses: createAddressPolicy(), ...options });
  t.teardown(close);
  return send;
}

async function issuer(t: Test, listener: RequestListener, options: { tls?: boolean } = {}) {
  const upstream = await startUpstream(listener, options);
  t.teardown(upstream.close);
  return upstream;
}

test('sends method, headers and body, and reads the whole answer', async (t) => {
  let received = '';
  const { origin, requests } = await issuer(t, async (request, response) => {
    for await (const chunk of request) received += chunk;
    response.writeHead(201, ['X-One', 'a', 'x-one', 'b', 'Content-Type', 'application/json']);
    response.write('{"access_');
    response.end('token":"t"}');
  });
  const answer = await sender(t)({
    ...message,
    url: `${origin}/token?x=1`,
    headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: 'Basic abc' },
    body: 'grant_type=x',
  });
  t.equal(answer.status, 201);
  t.equal(answer.headers['x-one'], 'a, b');
  t.equal(Buffer.from(answer.body).toString(), '{"access_token":"t"}');
  t.equal(received, 'grant_type=x');
  t.match(requests[0], { method: 'POST', url: '/token?x=1', headers: { authorization: 'Basic abc' } });
});

test('a redirect is returned, not followed', async (t) => {
  const { origin, requests } = await issuer(t, (_request, response) => {
    response.writeHead(307, { location: '/elsewhere' }).end();
  });
  const answer = await sender(t)({ ...message, url: `${origin}/token` });
  t.equal(answer.status, 307);
  t.equal(requests.length, 1);
});

test('an answer of exactly the bound is accepted, one byte more is not', async (t) => {
  const { origin } = await issuer(t, (request, response) => {
    response.end('x'.repeat(Number(request.url?.slice(1))));
  });
  const send = sender(t);
  t.equal((await send({ ...message, url: `${origin}/1000` })).body.length, 1_000);
  t.match(await rejection(send({ ...message, url: `${origin}/1001` })), { kind: 'too_large' });
});

test('an endless answer is cut at the bound', async (t) => {
  const { origin } = await issuer(t, (_request, response) => {
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(500)));
    };
    response.on('drain', more);
    more();
  });
  t.match(await rejection(sender(t)({ ...message, url: origin })), { kind: 'too_large' });
});

test('an issuer that never answers is a timeout', async (t) => {
  const { origin } = await issuer(t, () => {});
  t.match(await rejection(sender(t)({ ...message, url: origin, timeoutMs: 20 })), { kind: 'timeout' });
});

test('the time is total: an issuer that trickles its answer is a timeout', async (t) => {
  const { origin } = await issuer(t, (_request, response) => {
    response.write('{');
  });
  t.match(await rejection(sender(t)({ ...message, url: origin, timeoutMs: 50 })), { kind: 'timeout' });
});

test('nobody listening is unreachable', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${portOf(server.address())}/`;
  server.close();
  await once(server, 'close');
  t.match(await rejection(sender(t)({ ...message, url })), { name: 'SendFailure', kind: 'unreachable' });
});

test('an answer that is no HTTP is unreachable, and its bytes are not in the error', async (t) => {
  const { origin, close } = await startRawUpstream((socket) => socket.end('secret-in-the-answer\r\n\r\n'));
  t.teardown(close);
  const failure = await rejection(sender(t)({ ...message, url: `${origin}/path?secret=in-the-query` }));
  t.match(failure, { kind: 'unreachable' });
  t.notMatch(JSON.stringify(failure, Object.getOwnPropertyNames(failure)), /secret/);
  t.equal(failure.cause, undefined);
});

test('a refused address is told apart, literal or resolved', async (t) => {
  const send = sender(t, { addresses: createAddressPolicy({ deny: ['127.0.0.0/8', '::1/128'] }) });
  for (const url of ['http://127.0.0.1:1/', 'http://localhost:1/', 'http://[::1]:1/', 'http://[::ffff:7f00:1]:1/']) {
    t.match(await rejection(send({ ...message, url })), { kind: 'address_refused' }, url);
  }
});

test('only http and https are spoken', async (t) => {
  for (const url of ['file:///etc/passwd', 'ftp://a/', 'not a url']) {
    const failure: Partial<SendFailure> = await rejection(sender(t)({ ...message, url }));
    t.equal(failure.kind, 'unreachable', url);
  }
});

test('TLS is verified, and configured authorities are trusted', async (t) => {
  const { origin } = await issuer(t, (_request, response) => response.end('ok'), { tls: true });
  t.match(await rejection(sender(t)({ ...message, url: origin })), { kind: 'unreachable' });
  const answer = await sender(t, { ca: [tlsCert] })({ ...message, url: origin });
  t.equal(answer.status, 200);
});

test('a certificate for another name is refused although its authority is trusted', async (t) => {
  const { origin } = await issuer(t, (_request, response) => response.end('ok'), { tls: true });
  const other = origin.replace('localhost', '127.0.0.2');
  t.match(await rejection(sender(t, { ca: [tlsCert] })({ ...message, url: other })), { kind: 'unreachable' });
});

test('connections are reused, and closing ends them', async (t) => {
  const { origin, sockets } = await issuer(t, (_request, response) => response.end('ok'));
  const { send, close } = createSend({ addresses: createAddressPolicy() });
  for (let sent = 0; sent < 5; sent += 1) await send({ ...message, url: origin });
  const open = [...sockets];
  t.ok(open.length < 5, 'fewer connections than messages');
  const closed = open.map((socket) => once(socket, 'close'));
  await close();
  await Promise.all(closed);
  t.equal(sockets.size, 0);
});
