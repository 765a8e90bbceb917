// Attack: an agent opens streams and leaves, again and again. A proxy that does not end the upstream's side then keeps paused
// sockets for ever: in one measured case 9,000, until the pool served nothing (the whole gate is denied to everybody).
// Held by: the agent's close aborts the upstream's side, whatever state the stream is in, also on pipelined connections.

import { once } from 'node:events';
import { type ClientRequest, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { test } from 'tap';
import { answerTo, forwardingWorld, until } from '../support/forwarding-world.ts';

const streams = 24;

async function openAll(url: string): Promise<ClientRequest[]> {
  const requests = Array.from({ length: streams }, (_, index) => httpRequest(`${url}/things/${index}`).end());
  const answers = await Promise.all(requests.map(answerTo));
  for (const answer of answers) answer.on('error', () => {});
  return requests;
}

test('abandoned idle streams leave nothing behind', async (t) => {
  const { upstream, gate } = await forwardingWorld(
    t,
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    },
    { route: { maxConnections: streams } },
  );
  for (let round = 0; round < 2; round += 1) {
    const requests = await openAll(gate.url);
    t.match(gate.forwarding.stats(), { active: streams });
    for (const request of requests) request.destroy();
    await until(() => gate.forwarding.stats().active === 0 && upstream.sockets.size === 0);
  }
  t.equal(gate.replies.length, 2 * streams);
  t.ok(gate.attempts.every(({ ends }) => ends.length === 1 && ends[0]?.[0] === 'client_abort'));
});

test('abandoned streams that were paused by backpressure leave nothing behind', async (t) => {
  const chunk = Buffer.alloc(262_144);
  const { upstream, gate } = await forwardingWorld(
    t,
    (_request, response) => {
      response.on('drain', () => response.write(chunk));
      while (response.write(chunk));
    },
    { route: { maxConnections: streams, guard: false } },
  );
  const requests = await openAll(gate.url);
  for (const request of requests) request.destroy();
  await until(() => gate.forwarding.stats().active === 0 && upstream.sockets.size === 0);
  t.equal(gate.replies.length, streams);

  const after = httpRequest(`${gate.url}/things/after`).end();
  t.equal((await answerTo(after)).statusCode, 200, 'the pool still serves');
  after.destroy();
});

test('pipelined calls on a connection that closes are ended too', async (t) => {
  const { upstream, gate } = await forwardingWorld(
    t,
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    },
    { route: { maxConnections: streams } },
  );
  const socket = connect(Number(new URL(gate.url).port), '127.0.0.1');
  await once(socket, 'connect');
  // Node answers pipelined requests in order: the second and third have a response that is not on the connection yet.
  socket.write('GET /things/a HTTP/1.1\r\nHost: gate\r\n\r\n'.repeat(3));
  await until(() => upstream.requests.length === 3);
  socket.destroy();
  await until(() => gate.forwarding.stats().active === 0 && upstream.sockets.size === 0);
  t.equal(gate.replies.length, 3);
  t.ok(gate.replies.every(({ end }) => end === 'client_abort'));
});
