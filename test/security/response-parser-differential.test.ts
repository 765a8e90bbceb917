// Attack: an upstream answers with bytes that the gate's HTTP client and another parser on the way read differently. Where they
// disagree on the end of an answer, its rest becomes the answer of the next call on that connection, somebody else's.
// Held by: whatever the client takes for a whole answer, llhttp (Node's parser, strict) reads as the very same answer.

import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { test } from 'tap';
import { awaitAnswer, newAnswer, takeBody, takeHead } from '../../src/base/http1/answer.ts';

interface Reading {
  readonly status: number;
  readonly names: readonly string[];
  readonly body: string;
}

/** As the gate reads it, cut into pieces; undefined where it does not take it for a whole answer. */
function asTheGate(bytes: Buffer, cuts: readonly number[]): Reading | undefined {
  const answer = newAnswer();
  awaitAnswer(answer, false);
  let head: { readonly status: number; readonly lines: readonly string[] } | undefined;
  const body: Buffer[] = [];
  const places = [0, ...cuts.filter((at) => at < bytes.length).sort((a, b) => a - b), bytes.length];
  try {
    for (let i = 1; i < places.length && answer.awaits !== 'nothing'; i += 1) {
      let rest = Buffer.from(bytes.subarray(places[i - 1], places[i]));
      if (answer.awaits === 'head') {
        const found = takeHead(answer, rest);
        head = found?.head;
        rest = Buffer.from(found?.rest ?? []);
      }
      if (head !== undefined && rest.length > 0) body.push(Buffer.from(takeBody(answer, rest)));
    }
  } catch {
    return undefined;
  }
  const whole = answer.awaits === 'nothing' || answer.awaits === 'close';
  if (head === undefined || !whole) return undefined;
  const names = head.lines.filter((_line, index) => index % 2 === 0);
  return { status: head.status, names, body: Buffer.concat(body).toString('latin1') };
}

/** As Node's client reads it off a connection that gives these bytes and ends. */
async function asNode(bytes: Buffer): Promise<Reading | undefined> {
  const connection = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const request = httpRequest({ createConnection: () => connection, host: 'upstream.test' });
  request.on('error', () => {}).end();
  const answered = Promise.race([once(request, 'response'), once(request, 'close').then(() => [])]).catch(() => []);
  connection.push(bytes);
  connection.push(null);
  const [answer] = await answered;
  if (answer === undefined) return undefined;
  let body = '';
  answer.setEncoding('latin1').on('data', (text: string) => {
    body += text;
  });
  await once(answer, 'close').catch(() => undefined);
  connection.destroy();
  if (!answer.complete) return undefined;
  const names = answer.rawHeaders.filter((_line: string, index: number) => index % 2 === 0);
  return { status: answer.statusCode, names: names.map((name: string) => name.toLowerCase()), body };
}

const statusLine = fc.constantFrom(
  ...['HTTP/1.1 200 OK', 'HTTP/1.1 204 No Content', 'HTTP/1.1 304 Not Modified', 'HTTP/1.1 500', 'HTTP/1.0 200 OK'],
  ...['HTTP/1.1 99 X', 'HTTP/1.1  200 OK', 'HTTP/1.1 200\tOK', 'HTTP/2 200 OK', 'ICY 200 OK', 'HTTP/1.1 200 O\rK'],
);
const field = fc.constantFrom(
  ...['content-length: 0', 'content-length: 3', 'content-length: 5', 'Content-Length:5', 'content-length: 05'],
  ...['content-length : 3', ' content-length: 3', 'content-length: 3, 3', 'content-length: 3 3', 'content-length: +3'],
  ...['content-length: 0x3', 'content-length:\t3', 'content-length: ', 'content-length: 3\u000b', 'xcontent-length: 9'],
  ...['transfer-encoding: chunked', 'Transfer-Encoding:\tCHUNKED ', 'transfer-encoding: identity'],
  ...['transfer-encoding: chunked, chunked', 'transfer-encoding: gzip, chunked', 'transfer-encoding: chunked\u0000'],
  ...[
    'connection: close',
    'connection: keep-alive',
    'x-a: b',
    'x-a:',
    ': b',
    'x-a',
    'x-a: b\rc: d',
    'x-a: b\nc: d',
    'x\u00e9: a',
  ],
);
const lineEnd = fc.oneof(
  { weight: 12, arbitrary: fc.constant('\r\n') },
  fc.constantFrom('\n', '\r', '\r\r\n', '\r\n '),
);
const body = fc.constantFrom(
  ...[
    '',
    'abc',
    'hello',
    '3\r\nabc\r\n0\r\n\r\n',
    '3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nt: v\r\n\r\n',
    '0\r\n\r\n',
    '03\r\nabc\r\n0\r\n\r\n',
  ],
  ...[
    '3\nabc\n0\n\n',
    '3 \r\nabc\r\n0\r\n\r\n',
    '0x3\r\nabc\r\n0\r\n\r\n',
    '3\r\nabcd\r\n0\r\n\r\n',
    '3\r\nabc\r\n0\r\n',
    '-1\r\n',
  ],
  ...[
    '3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    '3\r\nabc\r\n0\r\nt: v\n\r\n',
    '3\r\nabc\r\n00\r\n\r\n',
    '3;\nabc\r\n0\r\n\r\n',
  ],
);

const answers = fc
  .record({
    status: statusLine,
    fields: fc.array(fc.tuple(lineEnd, field), { maxLength: 4 }),
    last: fc.oneof({ weight: 8, arbitrary: fc.constant('\r\n\r\n') }, fc.constantFrom('\n\n', '\r\n\n', '\r\n')),
    body,
  })
  .map((parts) => parts.status + parts.fields.map(([end, text]) => end + text).join('') + parts.last + parts.body);

/** The bytes as made, or with one of them replaced. */
const bytesOf = fc
  .tuple(answers, fc.option(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))))
  .map(([text, change]) => {
    const bytes = Buffer.from(text, 'latin1');
    if (change !== null) bytes[change[0] % bytes.length] = change[1];
    return bytes;
  });

test('what the gate takes for a whole answer, Node reads as the very same', async (t) => {
  let whole = 0;
  await fc.assert(
    fc.asyncProperty(bytesOf, fc.array(fc.nat(120), { maxLength: 4 }), async (bytes, cuts) => {
      const read = asTheGate(bytes, cuts);
      if (read === undefined) return;
      whole += 1;
      const node = await asNode(bytes);
      if (JSON.stringify(node) === JSON.stringify(read)) return;
      throw new Error(`${JSON.stringify(bytes.toString('latin1'))}: ${JSON.stringify({ node, gate: read })}`);
    }),
    { seed: 1, numRuns: 12_000 },
  );
  t.ok(whole > 600, `${whole} answers were whole`);
});

test('however an answer is cut into pieces, it is read alike', async (t) => {
  fc.assert(
    fc.property(bytesOf, fc.array(fc.nat(120), { maxLength: 6 }), (bytes, cuts) => {
      const [one, other] = [asTheGate(bytes, []), asTheGate(bytes, cuts)];
      return JSON.stringify(one) === JSON.stringify(other);
    }),
    { seed: 1, numRuns: 4_000 },
  );
  t.pass();
});
