// Long and large calls through the whole gate: event streams byte for byte, uploads with their credential in front, users side
// by side that never get each other's answer.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { Readable } from 'node:stream';
import { test } from 'tap';
import { holdStream, readStream } from '../support/e2e-stream.ts';
import { apiRoute, startE2e } from '../support/e2e-world.ts';

/** What re-framing would lose: names, ids, comments, CRLF, several data lines, a character cut by a chunk, no end. */
const events = Buffer.from(
  ': keep-alive\n\nevent: delta\nid: 7\nretry: 10\ndata: {"a":1}\ndata: second line\n\r\n\r\ndata:no space\n\ndata: ü€𝄞\n\nevent: done\ndata: [DONE]\n\ndata: unfinished',
);

test('an event stream is the very bytes the upstream sent, wherever they are cut', async (t) => {
  const world = await startE2e(t);
  for (const size of [1, 3, 17, events.length]) {
    world.upstream.answerWith((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
      for (let at = 0; at < events.length; at += size) response.write(events.subarray(at, at + size));
      response.end();
    });
    const answer = await world.call('/api');
    t.equal(answer.headers.get('content-type'), 'text/event-stream');
    t.equal(answer.headers.get('content-encoding'), null);
    t.ok(events.equals(Buffer.from(await answer.arrayBuffer())));
  }
});

test('each event arrives when it is sent, not when the stream ends', async (t) => {
  const world = await startE2e(t);
  const opening = holdStream(world.upstream);
  const reader = readStream(await world.call('/api'));
  const stream = await opening;
  for (const text of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) {
    stream.send(text);
    t.ok((await reader.until(text)).endsWith(text));
  }
  stream.end();
  await reader.rest();
});

test('a large upload reaches the upstream whole, its credential before its first byte', async (t) => {
  const piece = Buffer.alloc(65_536, 'x');
  const pieces = 512;
  const hash = createHash('sha256');
  let authorization: string | undefined;
  const upstream = createServer((incoming, response) => {
    ({ authorization } = incoming.headers);
    incoming.on('data', (chunk) => hash.update(chunk));
    incoming.on('end', () => response.end(hash.digest('hex')));
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  t.teardown(() => upstream.close());
  const address = upstream.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const world = await startE2e(t, {
    config: (places) => ({ routes: [apiRoute(places, { upstream: `http://127.0.0.1:${port}` })] }),
  });
  const headers = { authorization: `Bearer ${await world.agent()}`, 'postern-subject-token': await world.user() };
  const outgoing = request(`${world.gate}/api`, { method: 'POST', headers });
  Readable.from(Array.from({ length: pieces }, () => piece)).pipe(outgoing);
  const [answer] = await once(outgoing, 'response');
  let digest = '';
  for await (const chunk of answer) digest += String(chunk);
  const expected = createHash('sha256');
  for (let i = 0; i < pieces; i += 1) expected.update(piece);
  t.equal(digest, expected.digest('hex'));
  t.match(authorization, /^Bearer eyJ/);
});

test('users side by side, by one agent: every call carries its own user, none the one before', async (t) => {
  const world = await startE2e(t);
  world.upstream.answerWith((response, { claims, url }) => response.end(`${url} ${String(claims['sub'])}`));
  const agent = await world.agent();
  const names = ['alice', 'bob', 'carol'];
  const users = await Promise.all(names.map((name) => world.user(name)));
  const calls = Array.from({ length: 60 }, async (_, i) => {
    const who = i % 4;
    const answer = await world.call(`/api/${i}`, { agent, user: users[who] ?? null });
    return [await answer.text(), `/${i} ${who === 3 ? 'agent:planner' : `user:${names[who]}`}`];
  });
  for (const [said, expected] of await Promise.all(calls)) t.equal(said, expected);
  t.equal(world.issuer.asked.length, 4);
});
