// An answer written straight to its connection is read by a client as what Node's ServerResponse writes for the same calls.

import { createServer as createHttpServer } from 'node:http';
import fc from 'fast-check';
import { type Test, test } from 'tap';
import type { AgentAnswer } from '../../src/listeners/agent-answer.ts';
import type { AgentResponse } from '../../src/transport.ts';
import { turns, untilTrue } from '../support/listeners-agents.ts';
import { fetchOver, listenAnswering, readTo, type Seen, url } from '../support/listeners-answers.ts';

type Write = (response: AgentResponse) => void;

const small = Buffer.from('a small body, é'.normalize(), 'latin1');
const large = Buffer.alloc(9_000, 'large ');
const huge = Buffer.alloc(1_500_000, 'huge ');
const sized = (body: Buffer): string[] => ['content-type', 'text/plain', 'Content-Length', String(body.length)];

const answers: Record<string, Write> = {
  'a small body of known length': (response) => {
    response.writeHead(200, sized(small));
    response.end(small);
  },
  'a body as text': (response) => {
    response.writeHead(201, sized(small));
    response.end(small.toString('latin1'), 'latin1');
  },
  'a body larger than is joined with its head': (response) => {
    response.writeHead(200, sized(large));
    response.end(large);
  },
  'a huge body of known length': (response) => {
    response.writeHead(200, sized(huge));
    response.end(huge);
  },
  'an empty body of known length': (response) => {
    response.writeHead(200, sized(Buffer.alloc(0)));
    response.end(Buffer.alloc(0));
  },
  'a length, in pieces': (response) => {
    response.writeHead(200, sized(Buffer.concat([small, large, small])));
    for (const piece of [small, large]) response.write(piece);
    response.end(small);
  },
  chunks: (response) => {
    response.writeHead(200, ['content-type', 'text/event-stream']);
    response.flushHeaders();
    for (const piece of [small, large, Buffer.alloc(0), huge, small]) response.write(piece);
    response.end(Buffer.alloc(0));
  },
  'one chunk with the end': (response) => {
    response.writeHead(200, []);
    response.end(small);
  },
  'one large chunk with the end': (response) => {
    response.writeHead(200, []);
    response.end(large);
  },
  'nothing, without a length': (response) => {
    response.writeHead(200, []);
    response.end('', 'latin1');
  },
  '204': (response) => {
    response.writeHead(204, ['x-a', 'b']);
    response.end(Buffer.alloc(0));
  },
  '304 with the length of what it is not': (response) => {
    response.writeHead(304, ['content-length', '5', 'etag', '"e"']);
    response.end(Buffer.alloc(0));
  },
  'a refusal': (response) => {
    const body = Buffer.from('{"error":{"code":"denied"}}');
    response.writeHead(403, [
      'content-type',
      'application/json',
      'content-length',
      String(body.length),
      'cache-control',
      'no-store',
      'x-request-id',
      'an-id',
      'postern-error',
      'denied',
    ]);
    response.end(body);
  },
  'a date of its own': (response) => {
    response.writeHead(200, ['Date', 'Tue, 01 Sep 2026 00:00:00 GMT', 'content-length', '0']);
    response.end(Buffer.alloc(0));
  },
  'a name twice, values empty and of odd letters': (response) => {
    response.writeHead(200, [
      'set-cookie',
      'a=b',
      'set-cookie',
      'c=d',
      'x-empty',
      '',
      'x-odd',
      'é\t~',
      'content-length',
      '0',
    ]);
    response.end(Buffer.alloc(0));
  },
  'a status nobody knows': (response) => {
    response.writeHead(299, ['content-length', '0']);
    response.end(Buffer.alloc(0));
  },
};

for (const method of ['GET', 'HEAD']) {
  for (const [name, write] of Object.entries(answers)) {
    test(`${method}, ${name}`, async (t) => {
      const ours = await seen(t, method, write);
      const nodes = await seenOfNode(t, method, write);

      // The date is the one thing two clocks tell.
      t.equal(ours.headers.get('date')?.length, 1);
      if (name !== 'a date of its own') nodes.headers.set('date', ours.headers.get('date') ?? []);
      t.strictSame([...ours.headers].sort(), [...nodes.headers].sort());
      t.equal(ours.status, nodes.status);
      t.equal(ours.complete, true);
      t.equal(nodes.complete, true);
      t.ok(ours.body.equals(nodes.body), `${ours.body.length} bytes as from Node, ${nodes.body.length}`);
    });
  }
}

test('one after the other over one connection', async (t) => {
  const server = await listenAnswering(t);
  for (const write of Object.values(answers)) {
    const answer = fetchOver(server, 'GET', server.agent);
    write((await server.next('GET')).answer);
    t.equal((await answer).complete, true);

    const head = fetchOver(server, 'HEAD', server.agent);
    answers['a refusal']?.((await server.next('HEAD')).answer);
    const { status, body } = await head;
    t.strictSame([status, body.length], [403, 0]);
  }
  t.equal(server.sockets.length, 1);
});

for (const [told, lines] of [
  ['a line break in a value', ['x-a', 'b\r\nset-cookie: c']],
  ['a line feed in a value', ['x-a', 'b\nc']],
  ['a return in a value', ['x-a', 'b\rc']],
  ['a NUL in a value', ['x-a', 'b\0c']],
  ['what is no byte', ['x-a', 'Ā']],
  ['a line break in a name', ['x-a\r\nx-b', 'c']],
  ['a space in a name', ['x a', 'b']],
  ['a colon in a name', ['x-a:', 'b']],
  ['no name', ['', 'b']],
  ['connection', ['Connection', 'upgrade']],
  ['keep-alive', ['keep-alive', 'timeout=1']],
  ['transfer-encoding', ['Transfer-Encoding', 'chunked']],
  ['trailer', ['trailer', 'x-a']],
  ['upgrade', ['upgrade', 'h2c']],
  ['two lengths', ['content-length', '1', 'Content-Length', '1']],
  ['a length that is none', ['content-length', '0x10']],
  ['a length with a sign', ['content-length', '+1']],
  ['an empty length', ['content-length', '']],
] as const) {
  test(`${told} is not written, and what is said in its place is whole`, async (t) => {
    const server = await listenAnswering(t);
    const pending = fetchOver(server, 'GET', server.agent);
    const { answer } = await server.next('GET');

    t.throws(() => answer.writeHead(200, ['x-before', 'c', ...lines, 'x-after', 'd']));
    t.equal(answer.headersSent, false);
    answer.writeHead(502, ['content-length', '5']);
    answer.end(Buffer.from('other'));

    const { status, body, headers, complete } = await pending;
    t.strictSame([status, body.toString(), complete], [502, 'other', true]);
    t.strictSame([...headers.keys()].sort(), ['connection', 'content-length', 'date', 'keep-alive']);
  });
}

for (const [told, write, received] of [
  ['shorter than it said', (answer) => answer.end(Buffer.from('1234')), '1234'],
  ['nothing of what it said', (answer) => answer.end(Buffer.alloc(0)), ''],
  ['longer, at once', (answer) => answer.end(Buffer.from('1234567')), undefined],
  ['longer, with text', (answer) => answer.end('1234567', 'latin1'), undefined],
  [
    'longer, with its last piece',
    (answer) => {
      answer.write(Buffer.from('12345'));
      answer.end(Buffer.from('6'));
    },
    '12345',
  ],
  [
    'longer, with a piece',
    (answer) => {
      answer.write(Buffer.from('123'));
      answer.write(Buffer.from('456'));
      answer.end(Buffer.alloc(0));
    },
    '123',
  ],
  ['longer, and large', (answer) => answer.end(Buffer.alloc(20_000)), undefined],
] as const satisfies readonly (readonly [string, (answer: AgentAnswer) => void, string | undefined])[]) {
  test(`an answer that is ${told} cuts the connection`, async (t) => {
    const server = await listenAnswering(t);
    const received_ = readTo(server);
    const { answer, answered } = await server.next('GET');
    const closes = countCloses(answer);

    answer.writeHead(200, ['content-length', '5']);
    write(answer);
    const text = await received_;

    t.equal(text.split('\r\n\r\n')[1], received);
    t.equal(closes(), 1);
    t.equal(answer.writableFinished, false);
    t.equal(answer.destroyed, true);
    t.equal(answered(), 0, 'no other answer on this connection');
    answer.write(Buffer.from('more'));
    answer.end(Buffer.from('more'));
    await turns(3);
    t.equal(closes(), 1);
  });
}

test('an agent that does not read is waited for, and nothing is lost', async (t) => {
  const server = await listenAnswering(t);
  const pending = fetchOver(server, 'GET', server.agent, { slowly: true });
  const { answer } = await server.next('GET');
  const pieces = Array.from({ length: 60 }, (_, i) => Buffer.alloc(i % 3 === 0 ? 1_000_000 : 5_000, `${i} `));

  answer.writeHead(200, []);
  let waits = 0;
  for (const piece of pieces) {
    if (answer.write(piece)) continue;
    waits += 1;
    t.ok(answer.writableLength >= 0);
    await new Promise<void>((resolve) => {
      const drained = () => {
        answer.off('drain', drained);
        resolve();
      };
      answer.on('drain', drained);
    });
  }
  answer.end(Buffer.alloc(0));

  const { body, complete } = await pending;
  t.ok(waits > 5, `${waits} times`);
  t.ok(body.equals(Buffer.concat(pieces)));
  t.equal(complete, true);
  await untilTrue(() => answer.closed);
});

test('an answer is over only when all of it has left', async (t) => {
  const server = await listenAnswering(t);
  const { answer, answered, client } = await server.dialled('GET');
  const closes = countCloses(answer);
  const body = Buffer.alloc(12_000_000, 'b');

  answer.writeHead(200, ['content-length', String(body.length)]);
  answer.end(body);
  await turns(5);
  t.strictSame([closes(), answer.writableFinished, answer.closed, answered()], [0, false, false, 0]);
  t.ok(answer.writableLength > 0);
  client.resume();
  await untilTrue(() => answer.closed);

  t.strictSame([closes(), answer.writableFinished, answered(), answer.writableLength], [1, true, 1, 0]);
  answer.socket.destroy();
  answer.cut();
  t.equal(closes(), 1);
});

for (const [when, begin] of [
  ['before it began', () => {}],
  [
    'half way',
    (answer) => {
      answer.writeHead(200, []);
      answer.write(Buffer.from('half'));
    },
  ],
  [
    'at its end, most of it waiting',
    (answer) => {
      answer.writeHead(200, []);
      answer.end(Buffer.alloc(12_000_000));
    },
  ],
] as const satisfies readonly (readonly [string, (answer: AgentAnswer) => void])[]) {
  test(`a connection cut ${when} closes its answer, unfinished`, async (t) => {
    const server = await listenAnswering(t);
    const { answer, answered, client } = await server.dialled('GET');
    const closes = countCloses(answer);

    begin(answer);
    client.destroy();
    await untilTrue(() => answer.closed);

    t.strictSame([closes(), answer.writableFinished, answer.destroyed, answered()], [1, false, true, 0]);
  });
}

test('after its end nothing is written any more, waiting or gone', async (t) => {
  for (const size of [2, 12_000_000]) {
    const server = await listenAnswering(t);
    const pending = fetchOver(server, 'GET', server.agent);
    const { answer, answered } = await server.next('GET');

    answer.writeHead(200, []);
    answer.end(Buffer.alloc(size, 'a'));
    answer.end(Buffer.from('b'));
    t.equal(answer.write(Buffer.from('c')), true);
    answer.end('', 'latin1');

    const { body, complete } = await pending;
    t.equal(complete, true);
    t.ok(body.equals(Buffer.alloc(size, 'a')));
    await untilTrue(() => answer.closed);
    t.strictSame([answered(), answer.writableFinished], [1, true]);
    t.equal(server.sockets[0]?.destroyed, false);
  }
});

test('an answer to a connection that was just reset has not left, though nobody told yet', async (t) => {
  const server = await listenAnswering(t);
  const { answer, answered, client } = await server.dialled('GET');
  const closes = countCloses(answer);

  client.resetAndDestroy();
  answer.writeHead(200, ['content-length', '2']);
  answer.end(Buffer.from('ok'));
  await untilTrue(() => answer.closed);

  t.strictSame([closes(), answer.writableFinished, answered()], [1, false, 0]);
});

test('however a body is cut into writes, a client reads that body', async (t) => {
  const server = await listenAnswering(t);
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.uint8Array({ maxLength: 40 }) },
    { weight: 1, arbitrary: fc.integer({ min: 8_190, max: 8_195 }).map((length) => new Uint8Array(length).fill(13)) },
    { weight: 1, arbitrary: fc.constant(new Uint8Array(70_000).fill(10)) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 6 }),
      piece,
      fc.boolean(),
      fc.boolean(),
      async (pieces, last, said, flushed) => {
        const pending = fetchOver(server, 'GET', server.agent);
        const { answer } = await server.next('GET');
        const body = Buffer.concat([...pieces, last]);
        answer.writeHead(200, said ? ['content-length', String(body.length)] : []);
        if (flushed) answer.flushHeaders();
        for (const part of pieces) answer.write(Buffer.from(part));
        answer.end(Buffer.from(last));
        const got = await pending;
        t.ok(got.complete && got.body.equals(body), `${body.length} bytes`);
      },
    ),
    { seed: 1, numRuns: 150 },
  );
  t.equal(server.sockets.length, 1, 'over one connection');
});

function countCloses(answer: AgentAnswer): () => number {
  let count = 0;
  answer.on('close', () => {
    count += 1;
  });
  return () => count;
}

async function seen(t: Test, method: string, write: Write): Promise<Seen> {
  const server = await listenAnswering(t);
  const pending = fetchOver(server, method, server.agent);
  write((await server.next(method)).answer);
  return pending;
}

async function seenOfNode(t: Test, method: string, write: Write): Promise<Seen> {
  const server = createHttpServer({ keepAliveTimeout: 5_000 }, (_request, response) => write(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return fetchOver({ url: url(server) }, method, undefined);
}
