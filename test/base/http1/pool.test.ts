// A pool at work: which connections are used again and which never, who waits for one, and how it ends.

import { once } from 'node:events';
import { test } from 'tap';
import { answer, ask, get, listener, poolTo, rawServer } from '../../support/http1-world.ts';

test('a connection is used again, the last one first', async (t) => {
  const server = await rawServer(t, (socket, _request, before) => socket.write(answer(`${before}`)));
  const pool = poolTo(t, server.origin);
  t.equal((await ask(pool)).body, '0');
  t.equal((await ask(pool)).body, '1');
  const both = [ask(pool), ask(pool)];
  t.strictSame(
    (await Promise.all(both)).map(({ body }) => body),
    ['2', '0'],
  );
  t.equal(server.sockets.length, 2);
});

test('an answer in chunks, cut anywhere, with interim answers before it', async (t) => {
  const text =
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n';
  for (let cut = 1; cut < text.length; cut += 7) {
    const server = await rawServer(t, (socket) => {
      socket.setNoDelay(true);
      socket.write(text.slice(0, cut), () => socket.write(text.slice(cut)));
    });
    const pool = poolTo(t, server.origin);
    t.match(await ask(pool), { status: 200, body: 'abcde', events: ['start', 'head', 'end'] });
  }
});

const usedOnce: Record<string, { readonly bytes: string; readonly method?: string; readonly body: string }> = {
  'connection: close': { bytes: answer('ok', 'connection: close'), body: 'ok' },
  'HTTP/1.0': { bytes: 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok', body: 'ok' },
  'bytes beyond the answer': { bytes: `${answer('ok')}HTTP/1.1 200 OK\r\n`, body: 'ok' },
  'the answer to a HEAD': { bytes: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n', method: 'HEAD', body: '' },
  'a 204 that says it has a body': { bytes: 'HTTP/1.1 204 No\r\ncontent-length: 2\r\n\r\n', body: '' },
  'a server that keeps it for as long as the way takes': { bytes: answer('ok', 'keep-alive: timeout=2'), body: 'ok' },
};

for (const [name, { bytes, method = 'GET', body }] of Object.entries(usedOnce)) {
  test(`after ${name} the connection is not used again`, async (t) => {
    const server = await rawServer(t, (socket) => socket.write(bytes));
    const pool = poolTo(t, server.origin);
    t.equal((await ask(pool, { method })).body, body);
    t.equal((await ask(pool, { method })).body, body);
    t.equal(server.sockets.length, 2);
  });
}

test('a body that ends with the connection', async (t) => {
  const server = await rawServer(t, (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nto the end'));
  const pool = poolTo(t, server.origin);
  t.equal((await ask(pool)).body, 'to the end');
});

test('a body that ends with a broken connection is not whole', async (t) => {
  const server = await rawServer(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\nhalf', () => socket.resetAndDestroy());
  });
  const pool = poolTo(t, server.origin);
  t.equal((await ask(pool)).body, 'ECONNRESET');
});

test('what comes unasked ends an idle connection, and is no answer', async (t) => {
  const server = await rawServer(t, (socket, _request, before) => socket.write(answer(`${before}`)));
  const pool = poolTo(t, server.origin);
  await ask(pool);
  const [first] = server.sockets;
  first?.write(answer('forged'));
  await once(first ?? t, 'close');
  t.equal((await ask(pool)).body, '0', 'asked on another connection');
});

test('a connection that ended while idle is not used', async (t) => {
  const server = await rawServer(t, (socket, _request, before) => socket.write(answer(`${before}`)));
  const pool = poolTo(t, server.origin);
  await ask(pool);
  const [first] = server.sockets;
  first?.end();
  await once(first ?? t, 'close');
  t.equal((await ask(pool)).body, '0');
});

test('beyond the connections allowed requests wait, in order', async (t) => {
  const server = await rawServer(t, (socket, request) => socket.write(answer(request.slice(4, 6))));
  const pool = poolTo(t, server.origin, { maxConnections: 1 });
  const order: string[] = [];
  await Promise.all(['/a', '/b', '/c'].map(async (path) => order.push((await ask(pool, { path })).body)));
  t.strictSame(order, ['/a', '/b', '/c']);
  t.equal(server.sockets.length, 1);
});

test('who left while waiting is asked nothing, and the next gets the connection', async (t) => {
  const server = await rawServer(t, (socket, request) => socket.write(answer(request.slice(4, 6))));
  const pool = poolTo(t, server.origin, { maxConnections: 1 });
  const leaving = listener({
    onStart() {
      throw new Error('gone');
    },
  });
  const first = ask(pool, { path: '/a' });
  pool.send({ ...get, path: '/b' }, leaving);
  const last = ask(pool, { path: '/c' });
  t.equal((await first).body, '/a');
  t.equal(await leaving.outcome, 'Error: gone');
  t.equal((await last).body, '/c');
  t.equal(server.requests.length, 2);
});

test('a connection that cannot be made fails one request each', async (t) => {
  const server = await rawServer(t, (socket) => socket.write(answer('ok')));
  const { port } = new URL(server.origin);
  const pool = poolTo(t, `http://127.0.0.2:${port}`, { maxConnections: 2 });
  const answers = await Promise.all([ask(pool), ask(pool), ask(pool)]);
  t.strictSame(
    answers.map(({ body }) => body),
    ['ECONNREFUSED', 'ECONNREFUSED', 'ECONNREFUSED'],
  );
});

test("an exchange that was given up ends its connection; its link is nobody else's", async (t) => {
  const server = await rawServer(t, (socket, request) => {
    if (!request.startsWith('GET /wait')) socket.write(answer('ok'));
  });
  const pool = poolTo(t, server.origin, { maxConnections: 1 });
  const given = listener();
  pool.send({ ...get, path: '/wait' }, given);
  await once(server.sockets[0] ?? (await nextSocket(server.sockets)), 'data');
  given.link?.abort(given, Object.assign(new Error(), { code: 'GIVEN_UP' }));
  t.equal(await given.outcome, 'GIVEN_UP');

  const running = listener({ onData: () => true });
  pool.send(get, running);
  given.link?.abort(given, new Error('again'));
  t.equal(await running.outcome, '', 'not ended by the first');
  running.link?.abort(given, new Error('not its own'));
  t.equal((await ask(pool)).body, 'ok');
  t.equal(server.sockets.length, 2);
});

async function nextSocket(sockets: readonly import('node:net').Socket[]) {
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    const [socket] = sockets;
    if (socket !== undefined) return socket;
  }
}

test('what a receiver throws comes back to it and ends the connection', async (t) => {
  const server = await rawServer(t, (socket) => socket.write(answer('ok')));
  const pool = poolTo(t, server.origin);
  for (const method of ['onHead', 'onData', 'onEnd'] as const) {
    const heard = listener({
      [method]() {
        throw new Error(method);
      },
    });
    pool.send(get, heard);
    t.equal(await heard.outcome, `Error: ${method}`);
  }
  t.equal((await ask(pool)).body, 'ok');
});

test('a receiver that takes no more is not given more until it says so', async (t) => {
  const size = 4_000_000;
  const server = await rawServer(t, (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
    socket.write(Buffer.alloc(size, 'x'));
  });
  const pool = poolTo(t, server.origin);
  let taken = 0;
  let told = Promise.withResolvers<void>();
  const heard = listener({
    onData(piece) {
      taken += piece.length;
      told.resolve();
      return false;
    },
  });
  pool.send(get, heard);
  let turns = 0;
  while (taken < size) {
    await told.promise;
    told = Promise.withResolvers();
    const before = taken;
    await new Promise((resolve) => setImmediate(resolve));
    t.equal(taken, before, 'nothing meanwhile');
    heard.link?.resume(heard);
    turns += 1;
  }
  await heard.outcome;
  t.ok(turns > 20);
});

for (const [reading, bytes, code] of [
  ['a head', '', 'HEAD_TIMEOUT'],
  ['the rest of a head', 'HTTP/1.1 200 OK\r\nx-a', 'HEAD_TIMEOUT'],
  ['the rest of a body', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n1', 'BODY_TIMEOUT'],
] as const) {
  test(`an upstream that keeps ${reading} to itself is given up`, async (t) => {
    const server = await rawServer(t, (socket) => socket.write(bytes));
    const pool = poolTo(t, server.origin);
    t.equal((await ask(pool, { idleMs: 20 })).body, code);
  });
}

test('an upstream that sends its head byte by byte is given up in the time of one silence', async (t) => {
  const server = await rawServer(t, (socket) => {
    const bytes = [...answer('ok', `x-a: ${'a'.repeat(500)}`)];
    const timer = setInterval(() => socket.write(bytes.shift() ?? ''), 5);
    socket.on('close', () => clearInterval(timer));
  });
  const pool = poolTo(t, server.origin);
  t.equal((await ask(pool, { idleMs: 40 })).body, 'HEAD_TIMEOUT');
});

test('a connection whose request was not read to its end is not used again', async (t) => {
  const server = await rawServer(t, (socket) => {
    socket.pause();
    socket.write(answer('too large'));
  });
  const pool = poolTo(t, server.origin);
  // More than both systems' buffers hold: the rest is still here when the answer comes.
  t.equal((await ask(pool, { method: 'POST', body: Buffer.alloc(32_000_000, 'x') })).body, 'too large');
  t.equal((await ask(pool)).body, 'too large');
  t.equal(server.sockets.length, 2);
});

test('close lets what runs end, and takes nothing more', async (t) => {
  let finish = () => {};
  const asked = Promise.withResolvers<void>();
  const server = await rawServer(t, (socket) => {
    finish = () => socket.write(answer('ok'));
    asked.resolve();
  });
  const pool = poolTo(t, server.origin);
  const running = ask(pool);
  await asked.promise;
  const closed = pool.close();
  t.equal((await ask(pool)).body, 'POOL_CLOSED');
  finish();
  t.equal((await running).body, 'ok');
  await closed;
});

test('destroy ends what runs and what waits', async (t) => {
  const asked = Promise.withResolvers<void>();
  const server = await rawServer(t, () => asked.resolve());
  const pool = poolTo(t, server.origin, { maxConnections: 1 });
  const running = ask(pool);
  const waiting = ask(pool);
  await asked.promise;
  await pool.destroy();
  t.equal((await running).body, 'POOL_CLOSED');
  t.equal((await waiting).body, 'POOL_CLOSED');
});
