// A connection is Node's from the first request that is not of the plainest kind; the agent notices nothing, and no byte is lost.

import fc from 'fast-check';
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
  turns,
} from '../support/listeners-agents.ts';
import { holdTime } from '../support/listeners-time.ts';

/** What a connection is listened to for. */
const events = ['data', 'drain', 'end', 'error', 'close'] as const;

for (const [name, change, expected] of [
  [
    'a chunked body',
    'POST /c HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\n\r\n',
    'POST /c four',
  ],
  ['two requests at once', post('/c', 'four') + post('/d', 'four'), 'POST /d four'],
  ['Connection: close', 'GET /four HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n', 'GET /four'],
  ['an older version', 'GET /four HTTP/1.0\r\nHost: gate\r\n\r\n', 'GET /four'],
  ['a large body', post('/c', `${'a'.repeat(200_000)} four`), 'four'],
] as const) {
  test(`${name} after some whole requests is Node's`, async (t) => {
    const gate = await listenEchoing(t);
    const agent = await dial(t, gate.url);
    for (const path of ['/a', '/b']) {
      await agent.send(get(path));
      await agent.until(new RegExp(`${path}$`));
    }

    await agent.send(change);

    const answers = bodies(await agent.until(/four$/));
    t.strictSame(answers.slice(0, 2), ['GET /a', 'GET /b']);
    t.ok(answers.at(-1)?.endsWith(expected));
    t.strictSame(readers(gate).slice(0, 3), ['gate', 'gate', 'node']);
  });
}

test('Node has a connection until its end', async (t) => {
  const gate = await listenEchoing(t);
  const agent = await dial(t, gate.url);

  await agent.send('POST /c HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
  await agent.until(/c$/);
  await agent.send(get('/whole'));

  t.strictSame(bodies(await agent.until(/whole$/)), ['POST /c', 'GET /whole']);
  t.strictSame(readers(gate), ['node', 'node']);
});

test('nothing of the gate is left on it, and its time is over with it', async (t) => {
  const time = holdTime(t);
  const gate = await listenHolding(t);
  const agent = await dial(t, gate.url);
  const chunked = 'POST /c HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
  await agent.send(get('/a'));
  const { transport } = await gate.next();
  const { socket } = transport.request;
  const own = events
    .flatMap((event) => socket.listeners(event))
    .filter(({ name }) => /^on(?:Data|Drain|End|Error|Close)$/.test(name));
  answerWith(transport, 'a');
  await agent.send(chunked);
  const { by } = await gate.next();

  t.equal(by, 'node');
  t.equal(own.length, events.length, 'there were some');
  const left = events.flatMap((event) => socket.listeners(event)).filter((listener) => own.includes(listener));
  t.strictSame(left, []);
  t.equal(time.waiting(), 0);
});

test('Expect: 100-continue is answered as Node does', async (t) => {
  const gate = await listenEchoing(t);
  const agent = await dial(t, gate.url);
  await agent.send(get('/a'));
  await agent.until(/a$/);

  await agent.send('POST /b HTTP/1.1\r\nHost: gate\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
  await agent.until(/HTTP\/1\.1 100 Continue\r\n\r\n$/);
  await agent.send('four');

  t.match(await agent.until(/four$/), /POST \/b four$/);
});

test('CONNECT is answered as ever', async (t) => {
  const gate = await listenEchoing(t);
  const agent = await dial(t, gate.url);
  await agent.send(get('/a'));
  await agent.until(/a$/);

  await agent.send('CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n');

  await agent.until(/405 Method Not Allowed/);
});

test('a large upload in pieces of any size loses no byte where it changes hands', async (t) => {
  const gate = await listenEchoing(t);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(30_000), { maxLength: 8 }), async (cuts) => {
      const body = Array.from({ length: 20_000 }, (_, i) => String(i).padStart(6, '0')).join('');
      const text = post('/large', body);
      const agent = await dial(t, gate.url);
      let at = 0;
      for (const size of cuts) {
        agent.socket.write(text.slice(at, at + size), 'latin1');
        at += size;
        await turns(size % 3);
      }
      await agent.send(text.slice(at));
      const [answer] = bodies(await agent.until(/019999$/));
      t.ok(answer === `POST /large ${body}`);
      agent.socket.destroy();
    }),
    { seed: 1, numRuns: 40 },
  );
});

test('what a WebSocket client sends ahead of the answer is there for the tunnel', async (t) => {
  const upgraded = Promise.withResolvers<void>();
  const gate = await listenHolding(t, {
    async carry({ transport }) {
      if (transport.kind !== 'upgrade') return answerWith(transport, 'whole');
      upgraded.resolve();
      const { socket, head } = transport;
      await early.promise;
      await turns(3);
      let text = head.toString();
      socket.on('data', (bytes: Buffer) => {
        text += bytes.toString();
        if (text.endsWith('later')) socket.end(`HTTP/1.1 101 Switching Protocols\r\n\r\n${text}`);
      });
    },
  });
  const early = Promise.withResolvers<void>();
  const agent = await dial(t, gate.url);
  await agent.send(get('/a'));
  await agent.until(/whole$/);

  await agent.send('GET /ws HTTP/1.1\r\nHost: gate\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nwith it, ');
  await upgraded.promise;
  await agent.send('early, ');
  await turns(5);
  early.resolve();
  await turns(5);
  await agent.send('later');

  t.match(await agent.closed, /with it, early, later$/);
});
