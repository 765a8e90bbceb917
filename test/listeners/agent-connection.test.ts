// A connection whose requests come whole is the gate's own: one after the other, in parts, ahead of their turn.

import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'tap';
import {
  answerWith,
  bodies,
  dial,
  get,
  listenEchoing,
  listenHolding,
  post,
  readers,
  told,
  turns,
  untilTrue,
} from '../support/listeners-agents.ts';
import { holdTime } from '../support/listeners-time.ts';
import { socketFolder } from '../support/socket-folder.ts';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** For a request in parts. */
const patienceMs = 1_000;

test('whole requests, one after the other', async (t) => {
  const gate = await listenEchoing(t);
  const agent = await dial(t, gate.url);

  for (let i = 1; i <= 3; i += 1) {
    await agent.send(post(`/${i}`, `body ${i}`));
    await agent.until(new RegExp(`body ${i}$`));
  }

  t.strictSame(bodies(agent.received()), ['POST /1 body 1', 'POST /2 body 2', 'POST /3 body 3']);
  t.strictSame(readers(gate), ['gate', 'gate', 'gate']);
  t.equal(gate.active(), 0);
});

test('cut anywhere, a request is read as it was sent', async (t) => {
  const gate = await listenEchoing(t);
  const text = post('/cut', 'ten letters');
  for (let at = 1; at < text.length; at += 1) {
    const agent = await dial(t, gate.url);
    await agent.send(text.slice(0, at));
    await untilTrue(() => agent.socket.bytesWritten === at);
    await turns(2);
    await agent.send(text.slice(at));

    t.strictSame(bodies(await agent.until(/letters$/)), ['POST /cut ten letters'], `after ${at} bytes`);
    agent.socket.destroy();
  }
  t.strictSame(
    readers(gate).slice('POST /cut'.length),
    Array.from({ length: text.length - 'POST /cut'.length - 1 }, () => 'gate'),
    'by the gate, as soon as it begins like one',
  );
});

test('in as many pieces as it has bytes', async (t) => {
  const gate = await listenEchoing(t);
  const agent = await dial(t, gate.url);

  const text = post('/slow', 'b'.repeat(20));
  await agent.send(text.slice(0, 10));
  for (const letter of text.slice(10)) {
    await agent.send(letter);
    await turns(1);
  }

  t.strictSame(bodies(await agent.until(/b$/)), [`POST /slow ${'b'.repeat(20)}`]);
  t.strictSame(readers(gate), ['gate']);
});

for (const [told, at] of [
  ['its head', 20],
  ['its body', post('/late', 'the rest').length - 4],
] as const) {
  test(`what stays without ${told} is Node's, and answered when the rest comes`, async (t) => {
    const time = holdTime(t);
    const gate = await listenEchoing(t);
    const agent = await dial(t, gate.url);
    const text = post('/late', 'the rest');

    await agent.send(get('/before'));
    await agent.until(/before$/);
    await agent.send(text.slice(0, at));
    await untilTrue(() => time.waiting() === 2);
    time.pass(patienceMs);
    t.equal(time.waiting(), 0, 'nothing waits for it here any more');
    await agent.send(text.slice(at));

    t.strictSame(bodies(await agent.until(/rest$/)), ['GET /before', 'POST /late the rest']);
    t.strictSame(readers(gate), ['gate', 'node']);
  });
}

test('the patience with a request does not begin again with each of its bytes', async (t) => {
  const time = holdTime(t);
  const gate = await listenEchoing(t);
  const agent = await dial(t, gate.url);

  const text = get('/drip');
  await agent.send(text.slice(0, 20));
  await untilTrue(() => time.waiting() === 2);
  for (let at = 20; at < 25; at += 1) {
    await agent.send(text.slice(at, at + 1));
    await turns(3);
    time.pass(patienceMs / 5);
  }
  await agent.send(text.slice(25));

  await agent.until(/drip$/);
  t.strictSame(readers(gate), ['node']);
});

for (const count of [2, 5]) {
  test(`${count} requests in one piece are answered in order`, async (t) => {
    const gate = await listenEchoing(t);
    const agent = await dial(t, gate.url);
    const paths = Array.from({ length: count }, (_, i) => `/${i}`);

    await agent.send(paths.map((path) => post(path, 'x')).join(''));

    t.strictSame(
      bodies(await agent.until(new RegExp(`/${count - 1} x$`))),
      paths.map((path) => `POST ${path} x`),
    );
  });
}

test('a request that comes while another is under way waits for the answer to that', async (t) => {
  const gate = await listenHolding(t);
  const agent = await dial(t, gate.url);

  await agent.send(get('/first'));
  const first = await gate.next();
  await agent.send(get('/second'));
  await untilTrue(() => first.transport.request.socket.bytesRead === (get('/first') + get('/second')).length);
  await turns(3);
  t.equal(gate.arrivals.length, 1, 'it has not begun');

  answerWith(first.transport, 'one');
  const second = await gate.next();
  t.equal(second.by, 'gate');
  answerWith(second.transport, 'two');
  t.strictSame(bodies(await agent.until(/two$/)), ['one', 'two']);
});

test('a flood in small pieces is not kept piece by piece', async (t) => {
  const gate = await listenHolding(t);
  const agent = await dial(t, gate.url);
  await agent.send(get('/first'));
  const { socket } = (await gate.next()).transport.request;

  const pieces: WeakRef<Buffer>[] = [];
  for (let i = 0; i < 2_000; i += 1) {
    const piece = Buffer.alloc(1);
    socket.push(piece);
    pieces.push(new WeakRef(piece));
  }
  await turns(3);
  collect();

  const kept = pieces.filter((piece) => piece.deref() !== undefined).length;
  t.ok(kept < 100, `${kept} pieces of 2000`);
});

test('a flood behind a call under way is not read without end, and served afterwards', async (t) => {
  const gate = await listenHolding(t);
  const agent = await dial(t, gate.url);
  const count = 20_000;
  const paths = Array.from({ length: count }, (_, i) => `/${i}`);

  await agent.send(get('/first'));
  const first = await gate.next();
  const { socket } = first.transport.request;
  const flood = agent.send(paths.map(get).join(''));
  await untilTrue(() => socket.isPaused());
  await turns(20);
  t.ok(socket.bytesRead < 400_000, `no more than ${socket.bytesRead} bytes were read`);

  answerWith(first.transport, 'first');
  for (let i = 0; i < count; i += 1) {
    const next = await gate.next();
    answerWith(next.transport, await told(next.arrival));
  }
  await flood;
  t.strictSame(bodies(await agent.until(new RegExp(`/${count - 1}$`))), [
    'first',
    ...paths.map((path) => `GET ${path}`),
  ]);
});

test('an answer is told when its agent has read', async (t) => {
  const gate = await listenHolding(t);
  const agent = await dial(t, gate.url);
  await agent.send(get('/stream'));
  const { response } = (await gate.next()).transport;
  agent.socket.pause();

  response.writeHead(200, []);
  let drains = 0;
  response.on('drain', () => {
    drains += 1;
  });
  t.equal(response.write(Buffer.alloc(12_000_000)), false);
  await turns(5);
  t.equal(drains, 0);
  agent.socket.resume();
  await untilTrue(() => drains === 1);
  response.end(Buffer.from('end'));

  await agent.until(/3\r\nend\r\n0\r\n\r\n$/);
});

test('over a unix socket', async (t) => {
  const path = join(socketFolder(t), 'gate.sock');
  const gate = await listenEchoing(t, { address: { kind: 'unix', path } });
  const agent = await dial(t, gate.url);

  await agent.send(post('/a', 'body'));

  t.strictSame(bodies(await agent.until(/body$/)), ['POST /a body']);
  t.strictSame(readers(gate), ['gate']);
  t.strictSame(gate.arrivals[0]?.peer, { address: '', port: 0, spiffeId: undefined });
});
