// Streamed request bodies: as long as was said or in chunks, at the pace of the upstream, and never passed off as whole.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { test } from 'tap';
import { portOf } from '../../support/forwarding-gate.ts';
import { answer, ask, get, listener, poolTo, rawServer } from '../../support/http1-world.ts';

/** Answers with what it was sent: its framing, its length and a digest of little cost. */
async function counting(t: import('tap').Test) {
  const server = createServer((request, response) => {
    let length = 0;
    request.on('data', (piece: Buffer) => {
      length += piece.length;
    });
    request.on('end', () =>
      response.end(`${request.headers['transfer-encoding'] ?? request.headers['content-length']} ${length}`),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${portOf(server.address())}`;
}

const pieces = (...sizes: number[]) => Readable.from(sizes.map((size) => Buffer.alloc(size, 'x')));

test('with its length, or in chunks where it has none', async (t) => {
  const pool = poolTo(t, await counting(t));
  const sized = { stream: pieces(1, 70_000, 29_999), length: 100_000 };
  t.equal((await ask(pool, { method: 'POST', body: sized })).body, '100000 100000');
  const endless = { stream: pieces(1, 0, 2_000_000), length: undefined };
  t.equal((await ask(pool, { method: 'POST', body: endless })).body, 'chunked 2000001');
  t.equal((await ask(pool, { method: 'POST', body: { stream: pieces(), length: undefined } })).body, 'chunked 0');
});

for (const [name, length] of [
  ['longer', 9],
  ['shorter', 11],
] as const) {
  test(`a body ${name} than was said ends the exchange and the connection`, async (t) => {
    const server = await rawServer(t, () => {});
    const pool = poolTo(t, server.origin);
    const body = { stream: pieces(5, 5), length };
    t.equal((await ask(pool, { method: 'POST', body })).body, 'REQUEST_LENGTH_WRONG');
    await once(server.sockets[0] ?? t, 'close');
    t.notMatch(server.requests.join(''), 'x'.repeat(length + 1), 'no more than was said has gone');
  });
}

test('a source that fails ends the exchange with its reason', async (t) => {
  const server = await rawServer(t, () => {});
  const pool = poolTo(t, server.origin);
  const stream = new Readable({ read() {} });
  const heard = listener();
  pool.send({ ...get, method: 'POST', body: { stream, length: undefined } }, heard);
  stream.push('abc');
  stream.destroy(Object.assign(new Error(), { code: 'SOURCE_GONE' }));
  t.equal(await heard.outcome, 'SOURCE_GONE');
});

test('a source that failed while its request waited: nothing is sent', async (t) => {
  const server = await rawServer(t, (socket) => socket.write(answer('ok')));
  const pool = poolTo(t, server.origin, { maxConnections: 1 });
  const before = ask(pool);
  const stream = new Readable({ read() {} });
  const heard = listener();
  pool.send({ ...get, method: 'POST', body: { stream, length: undefined } }, heard);
  stream.destroy(Object.assign(new Error(), { code: 'SOURCE_GONE' }));
  t.equal((await before).body, 'ok');
  t.equal(await heard.outcome, 'SOURCE_GONE');
  t.equal((await ask(pool)).body, 'ok', 'on the same connection');
  t.equal(server.sockets.length, 1);
});

test('an answer before the body has gone is taken, and the connection not used again', async (t) => {
  const server = await rawServer(t, (socket) => socket.write(answer('enough')));
  const pool = poolTo(t, server.origin);
  const stream = new Readable({ read() {} });
  stream.push('abc');
  t.equal((await ask(pool, { method: 'POST', body: { stream, length: 1_000 } })).body, 'enough');
  t.equal(stream.listenerCount('data'), 0, 'nothing more is read for it');
  t.equal((await ask(pool)).body, 'enough');
  t.equal(server.sockets.length, 2);
});

test('while the source is slow it is not the upstream that is silent', async (t) => {
  const server = await rawServer(t, (socket) => {
    socket.on('data', (bytes) => bytes.toString().endsWith('0\r\n\r\n') && socket.write(answer('whole')));
  });
  const pool = poolTo(t, server.origin);
  let turns = 0;
  // Each piece comes after several times the idle limit, counted in timers of its length.
  const stream = new Readable({
    read() {
      const timer = setInterval(() => {
        turns += 1;
        if (turns % 4 !== 0) return;
        clearInterval(timer);
        this.push(turns < 12 ? 'piece' : null);
      }, 10);
    },
  });
  t.equal((await ask(pool, { method: 'POST', idleMs: 10, body: { stream, length: undefined } })).body, 'whole');
});

test('an upstream that reads nothing is given up', async (t) => {
  const server = await rawServer(t, (socket) => socket.pause());
  const pool = poolTo(t, server.origin);
  const stream = new Readable({
    read() {
      this.push(Buffer.alloc(65_536));
    },
  });
  t.equal((await ask(pool, { method: 'POST', idleMs: 30, body: { stream, length: undefined } })).body, 'HEAD_TIMEOUT');
  stream.destroy();
});
