// What only the client without TLS does: names that are looked up, and connections that a collector closes while they are idle.

import { networkInterfaces } from 'node:os';
import { test } from 'tap';
import { createAddressPolicy } from '../../src/base/addresses.ts';
import { postTo, startCollector, taken } from '../support/otlp-collector.ts';

const own = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address));

for (const [listens, named] of [
  ['127.0.0.1', 'localhost'],
  ['::1', '[::1]'],
] as const) {
  test(`a collector at ${named}`, { skip: !own.includes(listens) }, async (t) => {
    const { port, requests } = await startCollector(t, 'http', (socket) => void socket.write(taken), listens);
    t.equal((await postTo(`http://${named}:${port}/v1/traces`)()).kind, 'taken');
    t.match(requests[0], `\r\nhost: ${named}:${port}\r\n`);
  });
}

test('a collector may have an address that upstreams may not', async (t) => {
  const { port, requests } = await startCollector(t, 'http', (socket) => void socket.write(taken));
  t.notOk(createAddressPolicy().permits('0.0.0.0'));
  t.equal((await postTo(`http://0.0.0.0:${port}/v1/traces`)()).kind, 'taken');
  t.equal(requests.length, 1);
});

for (const size of [1, 100_000]) {
  test(`a batch of ${size} bytes that meets the end of an idle connection goes at once on a new one`, async (t) => {
    const { url, sockets, requests } = await startCollector(t, 'http', (socket, _request, count) => {
      if (count === 1) socket.destroy();
      else socket.write(taken);
    });
    const post = postTo(url);
    await post('first');
    t.equal((await post('s'.repeat(size))).kind, 'taken');
    t.equal(sockets.length, 2);
    t.equal(requests[2], requests[1]);
  });
}

test('on a connection of its own it is not sent at once again, nor without end', async (t) => {
  const { url, sockets, requests } = await startCollector(t, 'http', (socket, _request, count) => {
    if (count === 0) socket.write(taken);
    else socket.destroy();
  });
  const post = postTo(url);
  await post();
  t.equal((await post()).kind, 'again');
  t.strictSame([sockets.length, requests.length], [2, 3]);
});

test('with the beginning of an answer it is not sent at once again', async (t) => {
  const { url, requests } = await startCollector(t, 'http', (socket, _request, count) => {
    if (count === 0) socket.write(taken);
    else socket.end('HTTP/1.1 503 Busy\r\ncontent-length: 10\r\n\r\n');
  });
  const post = postTo(url);
  await post();
  t.match(await post(), { kind: 'again', problem: 'status 503' });
  t.equal(requests.length, 2);
});

test('several at a time', async (t) => {
  const { url, requests } = await startCollector(t, 'http', (socket) => void socket.write(taken));
  const post = postTo(url);
  const kinds = (await Promise.all(Array.from({ length: 9 }, () => post()))).map(({ kind }) => kind);
  t.strictSame(kinds, Array(9).fill('taken'));
  t.equal(requests.length, 9);
});
