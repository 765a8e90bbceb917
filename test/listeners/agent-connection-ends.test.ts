// How an agent's connection ends: by the agent, by idleness, and by a gate that stops.

import { test } from 'tap';
import {
  answerWith,
  bodies,
  dial,
  get,
  listenEchoing,
  listenHolding,
  turns,
  untilTrue,
} from '../support/listeners-agents.ts';
import { holdTime } from '../support/listeners-time.ts';

/** How much longer than announced an idle connection is kept. */
const bufferMs = 1_000;

/** For a request in parts. */
const patienceMs = 1_000;

for (const how of ['FIN', 'RST'] as const) {
  test(`an agent that leaves by ${how} before its answer`, async (t) => {
    const gate = await listenHolding(t);
    const agent = await dial(t, gate.url);
    await agent.send(get('/a'));
    const { transport } = await gate.next();
    const { response } = transport;
    let closes = 0;
    response.on('close', () => {
      closes += 1;
    });

    if (how === 'FIN') agent.socket.end();
    else agent.socket.resetAndDestroy();
    await untilTrue(() => response.closed);

    t.equal(response.writableFinished, false);
    t.equal(response.destroyed, true);
    t.equal(gate.active(), 0);
    answerWith(transport, 'too late');
    await turns(3);
    t.equal(closes, 1);
  });
}

test('an idle connection is closed a second later than it is told', async (t) => {
  const time = holdTime(t);
  const gate = await listenEchoing(t, { keepAliveMs: 7_000 });
  const agent = await dial(t, gate.url);
  await untilTrue(() => time.waiting() === 1);
  time.pass(7_000);
  await agent.send(get('/a'));
  t.match(await agent.until(/a$/), /\r\nkeep-alive: timeout=7\r\n/);

  time.pass(7_000 + bufferMs - 1);
  await agent.send(get('/b'));
  await agent.until(/b$/);
  time.pass(7_000 + bufferMs - 1);
  await turns(3);
  t.equal(agent.socket.closed, false);
  time.pass(1);

  t.strictSame(bodies(await agent.closed), ['GET /a', 'GET /b']);
  await turns(2);
  t.equal(time.waiting(), 0, 'no timer is left of it');
});

test('a connection with a call under way is not idle', async (t) => {
  const time = holdTime(t);
  const gate = await listenHolding(t, { keepAliveMs: 7_000 });
  const agent = await dial(t, gate.url);
  await agent.send(get('/a'));
  const { transport } = await gate.next();

  time.pass(3_600_000);
  await turns(3);
  answerWith(transport, 'an hour later');
  await agent.until(/an hour later$/);
  t.equal(agent.socket.closed, false);

  time.pass(7_000 + bufferMs);
  t.match(await agent.closed, /an hour later$/);
});

test('one that never says anything is closed as well', async (t) => {
  const time = holdTime(t);
  const gate = await listenHolding(t, { keepAliveMs: 7_000 });
  const agent = await dial(t, gate.url);
  await untilTrue(() => time.waiting() === 1);

  time.pass(7_000 + bufferMs);

  t.equal(await agent.closed, '');
});

test('an agent that says no more once its answer is written still gets all of it, and nothing begins for it', async (t) => {
  const gate = await listenHolding(t);
  const agent = await dial(t, gate.url);
  await agent.send(get('/large'));
  const { transport } = await gate.next();
  agent.socket.pause();
  answerWith(transport, `${'a'.repeat(8_000_000)} end`);
  t.equal(transport.response.closed, false, 'more than the system takes at once');
  await agent.send(get('/next'));
  agent.socket.end();
  await untilTrue(() => transport.request.socket.readableEnded);
  agent.socket.resume();

  t.match(await agent.closed, /a end$/);
  await turns(3);
  t.equal(transport.response.writableFinished, true);
  t.equal(gate.arrivals.length, 1);
});

test('an agent that floods and leaves while it is not read from is done with after its answer', async (t) => {
  const gate = await listenHolding(t);
  const agent = await dial(t, gate.url);
  await agent.send(get('/first'));
  const { transport } = await gate.next();
  const { socket } = transport.request;
  agent.socket.end(get('/next').repeat(5_000));
  await untilTrue(() => socket.isPaused() && socket.readableLength > 0);
  await turns(5);

  answerWith(transport, 'first');

  t.match(await agent.closed, /^HTTP\/1\.1 200 OK\r\n/);
  await untilTrue(() => gate.active() === 0);
  t.equal(transport.response.writableFinished, true);
  t.ok(socket.destroyed);
});

test('a stop closes what is idle at once, and the others with their answer, which says so', async (t) => {
  const gate = await listenHolding(t);
  const [idle, used, live] = [await dial(t, gate.url), await dial(t, gate.url), await dial(t, gate.url)];
  await used.send(get('/used'));
  answerWith((await gate.next()).transport, 'used');
  await used.until(/used$/);
  await live.send(get('/live'));
  const { transport } = await gate.next();

  const drained = gate.drain(60_000);
  t.equal(await idle.closed, '');
  t.match(await used.closed, /used$/);
  t.equal(gate.active(), 1);
  answerWith(transport, 'all of it');

  t.match(await live.closed, /\r\nconnection: close\r\n\r\nall of it$/);
  await drained;
  t.equal(gate.active(), 0);
});

test('a stream under way goes on to its end while the gate stops', async (t) => {
  const gate = await listenHolding(t);
  const agent = await dial(t, gate.url);
  await agent.send(get('/stream'));
  const { response } = (await gate.next()).transport;
  response.writeHead(200, ['content-type', 'text/event-stream']);
  response.flushHeaders();
  await agent.until(/connection: keep-alive\r\n/);

  const drained = gate.drain(60_000);
  await turns(3);
  response.write(Buffer.from('data: 1\n\n'));
  response.end(Buffer.from('data: 2\n\n'));

  t.match(await agent.closed, /9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n$/);
  await drained;
});

test('half a request is neither idle nor cut by a stop that has to wait anyway', async (t) => {
  const time = holdTime(t);
  const gate = await listenHolding(t, { keepAliveMs: 100 });
  const [live, half] = [await dial(t, gate.url), await dial(t, gate.url)];
  await live.send(get('/live'));
  const { transport } = await gate.next();
  await half.send(get('/half').slice(0, 20));
  await untilTrue(() => time.waiting() === 3);

  time.pass(patienceMs - 1);
  const drained = gate.drain(60_000);
  await turns(3);
  await half.send(get('/half').slice(20));
  const other = await gate.next();
  t.equal(other.by, 'gate');
  answerWith(other.transport, 'half');
  answerWith(transport, 'live');

  t.match(await half.closed, /\r\nconnection: close\r\n\r\nhalf$/);
  t.match(await live.closed, /live$/);
  await drained;
});

test('an idle connection is not closed under a request that is coming', async (t) => {
  const time = holdTime(t);
  const gate = await listenHolding(t, { keepAliveMs: 100 });
  const agent = await dial(t, gate.url);
  await untilTrue(() => time.waiting() === 1);
  time.pass(100 + bufferMs - 1);
  await agent.send(get('/half').slice(0, 20));
  await untilTrue(() => time.waiting() === 2);

  time.pass(1);
  await agent.send(get('/half').slice(20));

  answerWith((await gate.next()).transport, 'half');
  await agent.until(/half$/);
});

test('what is left when the time is over is cut', async (t) => {
  const time = holdTime(t);
  const gate = await listenHolding(t);
  const [live, half] = [await dial(t, gate.url), await dial(t, gate.url)];
  await live.send(get('/live'));
  const { response } = (await gate.next()).transport;
  await half.send('GET /half HTTP/1.1\r\n');
  await untilTrue(() => time.waiting() === 3);
  let closes = 0;
  response.on('close', () => {
    closes += 1;
  });

  const drained = gate.drain(500);
  await turns(3);
  t.equal(live.socket.closed, false);
  time.pass(500);

  await drained;
  t.equal(await live.closed, '');
  t.equal(await half.closed, '');
  t.equal(closes, 1);
  t.equal(response.writableFinished, false);
  t.equal(gate.active(), 0);
  t.equal(time.waiting(), 0);
});

test('without a call under way a stop waits for nobody, half a request or not', async (t) => {
  const time = holdTime(t);
  const gate = await listenHolding(t);
  const agent = await dial(t, gate.url);
  await agent.send('GET /half HTTP/1.1\r\n');
  await untilTrue(() => time.waiting() === 2);

  await gate.drain(60_000);

  t.equal(await agent.closed, '');
});

test('after the answer that said close nothing begins, and an agent that stays is no hindrance', async (t) => {
  const gate = await listenHolding(t);
  const agent = await dial(t, gate.url, { allowHalfOpen: true });
  await agent.send(get('/last'));
  const { transport } = await gate.next();
  await agent.send(get('/ahead'));
  const { socket } = transport.request;
  await untilTrue(() => socket.bytesRead === (get('/last') + get('/ahead')).length);

  const drained = gate.drain(60_000);
  answerWith(transport, 'last');
  await agent.until(/last$/);
  agent.socket.write(get('/later'));

  await drained;
  await turns(5);
  t.strictSame(
    gate.arrivals.map(({ target }) => target),
    ['/last'],
  );
  t.strictSame(bodies(agent.received()), ['last']);
});
