// Attack: an upstream, or whoever answers in its place, sends what no client should see: answers that end early, framings
// that lie, headers without end, redirects to elsewhere, compressed reflections, silence. The agent is told what it is, or its
// answer is cut so that it cannot be taken for whole; and the gate serves the next call.

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { type Test, test } from 'tap';
import { apiRoute, calls, type Document, startE2e, told, type World } from '../support/e2e-world.ts';

/** A gate with a route to raw bytes, and the usual one. */
async function start(t: Test, serve: (socket: Socket) => void, route: Document = {}): Promise<World> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let head = '';
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      head = '';
      serve(socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  const upstream = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  return startE2e(t, {
    config: (places) => ({
      routes: [apiRoute(places), apiRoute(places, { name: 'raw', path: '/raw', upstream, ...route })],
    }),
  });
}

async function serves(t: Test, world: World): Promise<void> {
  const answer = await world.call('/api');
  t.equal(answer.status, 200, 'the next call is served');
  await answer.text();
}

const ok = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';

/** Refused before anything was sent to the agent. */
const refused: Record<string, [string, number, string]> = {
  'no HTTP': ['SSH-2.0-OpenSSH_9.2\r\n', 502, 'upstream_answer_malformed'],
  'nothing at all': ['', 502, 'upstream_answer_malformed'],
  'half a head': [`${ok}x-half: `, 502, 'upstream_answer_malformed'],
  'two lengths': [`${ok}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`, 502, 'upstream_answer_malformed'],
  'a length and chunks': [
    `${ok}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    502,
    'upstream_answer_malformed',
  ],
  'an unknown framing': [`${ok}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 502, 'upstream_answer_malformed'],
  'a length below nothing': [`${ok}content-length: -1\r\n\r\n`, 502, 'upstream_answer_malformed'],
  'headers without end': [`${ok}x-a: ${'a'.repeat(100_000)}\r\n\r\n`, 502, 'upstream_answer_malformed'],
  'a thousand headers': [`${ok}${'x-a: b\r\n'.repeat(1_000)}\r\n`, 502, 'upstream_answer_malformed'],
  'another protocol unasked': [
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n',
    502,
    'upstream_answer_malformed',
  ],
  'a compressed body where it had to be readable': [
    `${ok}content-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc`,
    502,
    'upstream_encoding_refused',
  ],
  'a line break in a header': [`${ok}x-a: b\rset-cookie: c\r\n\r\n`, 502, 'upstream_answer_malformed'],
  'a folded header': [`${ok}x-a: b\r\n c\r\ncontent-length: 0\r\n\r\n`, 502, 'upstream_answer_malformed'],
};

test('answers that are none are refused', async (t) => {
  let bytes = '';
  const world = await start(t, (socket) => socket.end(bytes, 'latin1'));
  for (const [name, [answer, status]] of Object.entries(refused)) {
    bytes = answer;
    t.strictSame(told(await world.call('/raw')), [status, 'upstream_error'], name);
  }
  await serves(t, world);
  const reasons = calls((await world.end()).records).map((record) => record['reason']);
  t.strictSame(
    reasons.slice(0, -1),
    Object.values(refused).map(([, , reason]) => reason),
  );
});

/** Begun, and then cut: never made to look whole. */
const cut: Record<string, string> = {
  'a body that ends early': `${ok}content-length: 100\r\n\r\n{"half":`,
  'a stream that ends early': `${ok}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`,
  'a chunk that lies about its size': `${ok}transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n`,
  'a chunk larger than it says': `${ok}transfer-encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n`,
};

for (const [name, bytes] of Object.entries(cut)) {
  test(`cut: ${name}`, async (t) => {
    const world = await start(t, (socket) => socket.end(bytes, 'latin1'));
    const answer = await world.call('/raw').catch((failure: unknown) => failure);
    // Whether the head was on its way already is the upstream's timing; a whole body it must not be.
    if (answer instanceof Response && answer.status === 200) await t.rejects(answer.text());
    else if (answer instanceof Response) t.equal(answer.status, 502);
    await serves(t, world);
    const [record] = calls((await world.end()).records);
    t.equal(record?.['end'] ?? record?.['reason'], record?.['end'] ? 'upstream_error' : 'upstream_answer_malformed');
  });
}

test('more than it said, or a second answer: nothing of it is taken for the next call', async (t) => {
  let count = 0;
  const world = await start(t, (socket) => {
    count += 1;
    socket.write(`${ok}content-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"smuggled`);
  });
  for (let i = 0; i < 3; i += 1) {
    const answer = await world.call('/raw');
    if (answer.status === 200) t.equal(await answer.text(), '{}');
    else t.equal(answer.status, 502);
  }
  t.ok(count > 0);
  await serves(t, world);
});

test('a redirect goes to the agent if it stays below the route, and nowhere else if it does not', async (t) => {
  const locations: Record<string, string | null> = {
    '/deeper': '/api/deeper',
    'https://evil.example/': null,
    '//evil.example/': null,
    'http://169.254.169.254/latest/meta-data': null,
    'javascript:alert(1)': null,
  };
  const world = await startE2e(t);
  for (const [location, expected] of Object.entries(locations)) {
    world.upstream.answerWith((response) => response.writeHead(307, { location }).end());
    const answer = await world.call('/api/x');
    t.equal(answer.status, 307);
    t.equal(answer.headers.get('location'), expected, location);
  }
  t.equal(world.upstream.received.length, 5, 'none was followed');
});

test('what would set state at the gate, or ask the agent for a credential, stays behind', async (t) => {
  const world = await startE2e(t);
  world.upstream.answerWith((response) => {
    response.writeHead(403, {
      'set-cookie': 'a=b',
      'www-authenticate': 'Basic realm="give me your password"',
      'proxy-authenticate': 'Basic',
      'alt-svc': 'h3=":443"',
      'strict-transport-security': 'max-age=1',
      'clear-site-data': '"*"',
      refresh: '0; url=https://evil.example',
      'postern-error': 'access_denied',
      'x-request-id': 'theirs',
      connection: 'x-hop',
      'x-hop': 'a',
      'x-kept': 'yes',
    });
    response.end('{}');
  });
  const answer = await world.call('/api');
  const names = [...answer.headers.keys()].sort();
  t.strictSame(names, ['connection', 'date', 'keep-alive', 'transfer-encoding', 'x-kept', 'x-request-id']);
  t.not(answer.headers.get('x-request-id'), 'theirs');
});

test('silence: told in time, by a limit on idleness and none on length', async (t) => {
  const world = await start(t, () => {}, { timeouts: { idle: '50ms' } });
  t.strictSame(told(await world.call('/raw')), [504, 'upstream_timeout']);
  await serves(t, world);
  t.match(calls((await world.end()).records)[0], { reason: 'upstream_timed_out' });
});

test('a stream that falls silent is cut', async (t) => {
  const world = await start(t, (socket) => socket.write(`${ok}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`), {
    timeouts: { idle: '50ms' },
  });
  const answer = await world.call('/raw');
  await t.rejects(answer.text());
  t.match(calls((await world.end()).records)[0], { end: 'timeout' });
});

test('nobody there, and nobody who may be there', async (t) => {
  const world = await startE2e(t, {
    config: (places) => ({
      routes: [
        apiRoute(places),
        apiRoute(places, { name: 'gone', path: '/gone', upstream: 'http://127.0.0.1:9' }),
        apiRoute(places, { name: 'metadata', path: '/metadata', upstream: 'https://169.254.169.254' }),
      ],
    }),
  });
  t.strictSame(told(await world.call('/gone')), [502, 'upstream_error']);
  t.strictSame(told(await world.call('/metadata/latest')), [502, 'upstream_error']);
  await serves(t, world);
  const reasons = calls((await world.end()).records).map((record) => record['reason']);
  t.strictSame(reasons, ['upstream_unreachable', 'upstream_address_refused', undefined]);
});

test('a body of another type passes as it is: bytes are not for the gate to judge', async (t) => {
  const world = await startE2e(t);
  const bytes = gzipSync('x'.repeat(10_000));
  world.upstream.answerWith((response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-encoding': 'identity' });
    response.end(bytes);
  });
  const answer = await world.call('/api');
  t.ok(bytes.equals(Buffer.from(await answer.arrayBuffer())));
});
