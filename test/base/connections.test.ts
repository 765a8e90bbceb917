// What bounds connections to issuers: how many there are at once, how long one may take to be made, how long one is kept for nothing.

import { once } from 'node:events';
import type { RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { type Test, test } from 'tap';
import { createAddressPolicy } from '../../src/base/addresses.ts';
import { type ConnectionBounds, openConnections } from '../../src/base/connections.ts';
import { portOf } from '../support/forwarding-gate.ts';
import { startRawUpstream, startUpstream } from '../support/forwarding-upstream.ts';
import { until } from '../support/forwarding-world.ts';
import { rejection } from '../support/rejection.ts';

function connections(t: Test, bounds: Partial<ConnectionBounds> = {}) {
  const { ask, close } = openConnections({ addresses: createAddressPolicy(), bounds });
  const asking = new AbortController();
  t.teardown(() => {
    asking.abort();
    return close();
  });
  return (url: string): Promise<number> =>
    ask({ url, method: 'GET', headers: {}, maxBytes: 1_000, timeoutMs: 60_000 }, asking.signal, async (answer) => {
      await once(answer.resume(), 'end');
      return answer.statusCode ?? 0;
    });
}

async function issuer(t: Test, listener: RequestListener) {
  const upstream = await startUpstream(listener);
  t.teardown(upstream.close);
  return upstream;
}

test('a burst of messages shares sixteen connections, and each is answered in its turn', async (t) => {
  const waiting: ServerResponse[] = [];
  const { origin, sockets } = await issuer(t, (_request, response) => waiting.push(response));
  const ask = connections(t);
  const answers = Promise.all(Array.from({ length: 40 }, () => ask(origin)));
  await until(() => waiting.length === 16);
  // Whatever else would have been sent is there before this one, which is asked through connections of its own.
  const later = connections(t)(origin);
  await until(() => waiting.length === 17);
  t.equal(sockets.size, 17);

  let answered = 0;
  let most = 0;
  while (answered < 41) {
    await until(() => waiting.length > 0);
    most = Math.max(most, sockets.size);
    waiting.shift()?.end();
    answered += 1;
  }
  t.strictSame(await answers, Array(40).fill(200));
  t.equal(await later, 200);
  t.equal(most, 17);
});

test('an idle connection is used again', async (t) => {
  const { origin, sockets } = await issuer(t, (_request, response) => response.end());
  const ask = connections(t);
  await ask(origin);
  const before = [...sockets];
  await ask(origin);
  t.equal(before.length, 1);
  t.strictSame([...sockets], before);
});

test('an idle connection is given up after its time', async (t) => {
  const closed = Promise.withResolvers<void>();
  // Raw: Node's server would give it up by itself, and says when.
  const { origin, close } = await startRawUpstream((socket) => {
    socket.once('close', () => closed.resolve());
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  });
  t.teardown(close);
  t.equal(await connections(t, { idleMs: 20 })(origin), 200);
  await closed.promise;
});

test('a handshake that comes to nothing ends after its time, long before its message would', async (t) => {
  const silent = createServer((socket) => socket.on('error', () => {}));
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.teardown(() => silent.close());
  const failure = await rejection(connections(t, { connectMs: 20 })(`https://localhost:${portOf(silent.address())}`));
  t.match(failure, { code: 'ETIMEDOUT' });
});
