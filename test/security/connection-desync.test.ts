// Attack: response desynchronisation. An upstream, or an agent that pipelines, makes one call's answer longer, shorter or other than
// it says, so that the agent takes the rest of it for the answer to its next call: another user's data, or whatever the upstream
// chose to put there. Held by one rule: after an answer that was not as it said, the connection carries nothing more; and no call
// begins before the answer to the one before it has left.

import { test } from 'tap';
import type { AgentResponse } from '../../src/transport.ts';
import { answerWith, bodies, dial, get, listenHolding, turns, untilTrue } from '../support/listeners-agents.ts';

const forged = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged';
const said = (length: number): string[] => ['content-length', String(length)];

const lies: Record<string, (response: AgentResponse) => void> = {
  'an answer longer than it said': (response) => {
    response.writeHead(200, said(2));
    response.end(Buffer.from(`ok${forged}`));
  },
  'an answer longer than it said, in pieces': (response) => {
    response.writeHead(200, said(2));
    response.write(Buffer.from('ok'));
    response.write(Buffer.from(forged));
    response.end(Buffer.alloc(0));
  },
  'a large answer longer than it said': (response) => {
    response.writeHead(200, said(10_000));
    response.write(Buffer.alloc(10_000, 'a'));
    response.end(Buffer.from(forged));
  },
  'an answer shorter than it said, for the next one to fill': (response) => {
    response.writeHead(200, said(200));
    response.end(Buffer.from('half'));
  },
  'an answer that is cut': (response) => {
    response.writeHead(200, []);
    response.write(Buffer.from('half'));
    response.destroy();
  },
};

for (const [name, lie] of Object.entries(lies)) {
  test(`${name}: the next call is not answered on this connection, nor begun`, async (t) => {
    const gate = await listenHolding(t);
    const agent = await dial(t, gate.url);
    await agent.send(get('/first'));
    const { transport } = await gate.next();
    await agent.send(get('/second'));
    await untilTrue(() => transport.request.socket.bytesRead === (get('/first') + get('/second')).length);

    lie(transport.response);

    const received = await agent.closed;
    await turns(3);
    t.notMatch(received, /forged/);
    t.ok(received.split('HTTP/1.1').length <= 2, 'one answer, or none');
    t.strictSame(
      gate.arrivals.map(({ target }) => target),
      ['/first'],
    );
    t.equal(transport.response.writableFinished, false);
  });
}

const bodiless: Record<string, [method: string, status: number, lines: string[]]> = {
  'the answer to HEAD': ['HEAD', 200, said(forged.length)],
  'the answer to HEAD, in chunks': ['HEAD', 200, []],
  'a 204': ['GET', 204, []],
  'a 304': ['GET', 304, said(forged.length)],
};

for (const [name, [method, status, lines]] of Object.entries(bodiless)) {
  test(`${name} has no body, whatever an upstream sends`, async (t) => {
    const gate = await listenHolding(t);
    const agent = await dial(t, gate.url);
    await agent.send(get('/first').replace('GET', method));
    const { response } = (await gate.next()).transport;

    response.writeHead(status, lines);
    response.write(Buffer.from(forged));
    response.write(Buffer.alloc(9_000, forged));
    response.end(Buffer.from(forged));
    await agent.send(get('/second'));
    answerWith((await gate.next()).transport, 'second');

    const received = await agent.until(/second$/);
    t.notMatch(received, /forged/);
    t.match(received, /^HTTP\/1\.1 .*\r\n\r\nHTTP\/1\.1 200 OK\r\n.*\r\n\r\nsecond$/s);
  });
}

for (const [name, lines] of [
  ['a value that ends its line', ['x-a', `b\r\n\r\n${forged}`]],
  ['a name that ends its line', [`x-a: b\r\n\r\n${forged}\r\nx-b`, 'c']],
  ['chunks beside a length', ['content-length', '2', 'transfer-encoding', 'chunked']],
  ['a second length', ['content-length', '2', 'content-length', '3']],
  ['a length only JavaScript reads', ['content-length', '0x2']],
] as const) {
  test(`${name} is never written, and the call can still be refused`, async (t) => {
    const gate = await listenHolding(t);
    const agent = await dial(t, gate.url);
    await agent.send(get('/first'));
    const { transport } = await gate.next();

    t.throws(() => transport.response.writeHead(200, [...lines]));
    answerWith(transport, 'refused');

    t.strictSame(bodies(await agent.until(/refused$/)), ['refused']);
    t.notMatch(agent.received(), /forged|0x2|chunked/);
  });
}

test('a body that looks like an answer is a body', async (t) => {
  const gate = await listenHolding(t);
  const agent = await dial(t, gate.url);
  await agent.send(get('/first'));
  const { response } = (await gate.next()).transport;

  response.writeHead(200, []);
  response.write(Buffer.from('0\r\n\r\n'));
  response.end(Buffer.from(forged));

  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  const received = await agent.until(/0\r\n\r\n$/);
  t.ok(received.endsWith(`\r\n\r\n${chunk('0\r\n\r\n')}${chunk(forged)}0\r\n\r\n`));
});

test('a call that was pipelined gets its own answer, however late the one before it', async (t) => {
  const gate = await listenHolding(t);
  const agent = await dial(t, gate.url);
  await agent.send(get('/slow'));
  const slow = await gate.next();
  await agent.send(get('/fast'));
  await agent.send(get('/faster'));
  await untilTrue(
    () => slow.transport.request.socket.bytesRead === get('/slow/fast/faster').length + 2 * get('').length,
  );
  await turns(3);
  t.equal(gate.arrivals.length, 1, 'none begins ahead of its turn');

  // Those behind it came together: Node's server has them, and holds back what is answered ahead of its turn.
  answerWith(slow.transport, 'slow');
  const [fast, faster] = [await gate.next(), await gate.next()];
  answerWith(faster.transport, 'faster');
  await turns(3);
  answerWith(fast.transport, 'fast');

  t.strictSame(bodies(await agent.until(/faster$/)), ['slow', 'fast', 'faster']);
});
