// Attack: an agent, or whoever can put a word into what it sends, writes a request that the gate and another parser in front of it read
// differently. Where they disagree on its end, its rest becomes somebody else's request; where they disagree on a header, a credential
// passes unseen. Held by: whatever the gate takes by itself, llhttp (Node's parser, strict) reads as the very same, to the last byte.

import { createServer } from 'node:http';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { test } from 'tap';
import { readWholeRequest } from '../../src/listeners/whole-request.ts';

const maxHeadBytes = 2_048;

interface Reading {
  readonly method: string | undefined;
  readonly target: string | undefined;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

function asTheGate(bytes: Buffer): Reading | number | undefined {
  const read = readWholeRequest(bytes, maxHeadBytes);
  return typeof read === 'object' ? { ...read, body: read.body.toString('latin1') } : read;
}

/** As Node's server reads it off a connection that gives these bytes: every request on it, or that it was refused. */
async function asNode(bytes: Buffer): Promise<readonly (Reading | 'refused' | 'goes on')[]> {
  const seen: (Reading | 'refused' | 'goes on')[] = [];
  const server = createServer({ maxHeaderSize: maxHeadBytes }, (request, response) => {
    let body = '';
    request.setEncoding('latin1').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const { method, url, rawHeaders } = request;
      seen.push({ method, target: url, rawHeaders, body });
      // Said by Node from the request alone: whether another may follow.
      if (response.shouldKeepAlive) seen.push('goes on');
      response.end();
    });
  });
  server.on('upgrade', () => seen.push('refused')).on('connect', () => seen.push('refused'));
  server.on('checkContinue', () => seen.push('refused')).on('checkExpectation', () => seen.push('refused'));
  server.on('clientError', () => seen.push('refused'));
  const connection = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  server.emit('connection', connection);
  connection.push(bytes);
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  connection.destroy();
  return seen;
}

const requestLine = fc.constantFrom(
  ...[
    'GET / HTTP/1.1',
    'POST /openai/v1/chat?a=b HTTP/1.1',
    'PUT /a%20b HTTP/1.1',
    'OPTIONS * HTTP/1.1',
    'HEAD /x HTTP/1.1',
  ],
  ...[
    'POST /v1 HTTP/1.0',
    'POST /v1 HTTP/1.2',
    'POST  /v1 HTTP/1.1',
    'POST /v1  HTTP/1.1',
    ' POST /v1 HTTP/1.1',
    'POST /v1',
  ],
  ...[
    'post /v1 HTTP/1.1',
    'POST\t/v1 HTTP/1.1',
    'POST http://h/v1 HTTP/1.1',
    'POST //h/v1 HTTP/1.1',
    'POST /v1#f HTTP/1.1',
  ],
  ...[
    'CONNECT h:1 HTTP/1.1',
    'STEAL /v1 HTTP/1.1',
    'POST /a b HTTP/1.1',
    'POST /\u00e9 HTTP/1.1',
    'POST /v1 http/1.1',
    'POST /v1 HTTP/11',
  ],
  ...[
    'PRI * HTTP/2.0',
    'POST /v1 RTSP/1.1',
    'POST /v1 ICE/1.1',
    'M-SEARCH /v1 HTTP/1.1',
    'DELETE /"<>\\^`{|} HTTP/1.1',
    '\r\nGET / HTTP/1.1',
  ],
);
const usual = fc.constantFrom(
  ...[
    'Host: gate',
    'content-length: 5',
    'Content-Length: 0',
    'authorization: Bearer abc.def',
    'connection: keep-alive',
  ],
  ...['X-Long: 0123456789abcdef0123456789abcdef0123456789', 'accept: */*', 'Connection: Keep-Alive', 'x-empty:'],
);
const unusual = fc.constantFrom(
  ...[
    'host: other',
    'Host : gate',
    'Host:gate',
    'Host:\tgate',
    'Host:  gate',
    'Host: gate ',
    'Host: gate\t',
    'Host: ',
    'Host',
  ],
  ...[
    'content-length: 05',
    'content-length: +5',
    'content-length: 5, 5',
    'content-length: 0x5',
    'content-length:',
    'content-length : 5',
  ],
  ...[
    'content-length: 5 ',
    'content-length: -5',
    'content-length: 5\u000b',
    'content-length: 18446744073709551621',
    'Content_Length: 9',
  ],
  ...[
    'transfer-encoding: chunked',
    'Transfer-Encoding: identity',
    'transfer-encoding : chunked',
    'TE: trailers',
    'trailer: x',
  ],
  ...[
    'connection: close',
    'connection: upgrade',
    'upgrade: websocket',
    'connection: keep-alive, close',
    'connection: x-a',
    'connection: \tkeep-alive',
  ],
  ...[
    'proxy-connection: close',
    'Proxy-Connection: keep-alive',
    'expect: 100-continue',
    'expect: miracles',
    'http2-settings: AA',
    'keep-alive: 5',
  ],
  ...[
    'x-a: b\rc: d',
    'x-a: b\nc: d',
    'x-a: b\u0000c',
    'x-a: b\u007fc',
    'x-a: \u00e9\u00ff',
    ': b',
    ' x-a: b',
    '\tx-a: b',
    'x\u00e9: a',
    'x a: b',
    'x-a',
    '(x): y',
  ],
  ...[
    'x-a: b\r\n folded',
    'x-a: b\tc',
    'x-0123456789abcdef: 0123456789abcdef0123456789abcde\u0001',
    'x-0123456789: 0123456789abc\u007f',
  ],
);
const field = fc.oneof({ weight: 3, arbitrary: usual }, { weight: 1, arbitrary: unusual });
const lineEnd = fc.oneof(
  { weight: 100, arbitrary: fc.constant('\r\n') },
  fc.constantFrom('\n', '\r', '\r\r\n', '\n\r\n'),
);
const body = fc.oneof(
  { weight: 3, arbitrary: fc.constant('hello') },
  fc.constantFrom(
    '',
    'hell',
    'hello!',
    '5\r\nhello\r\n0\r\n\r\n',
    '\r\n',
    'GET /admin HTTP/1.1\r\nHost: gate\r\n\r\n',
    'a\r\n\r\nb',
  ),
);

const requests = fc
  .record({
    line: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('POST /v1/chat HTTP/1.1', 'GET /v1 HTTP/1.1') },
      requestLine,
    ),
    first: fc.oneof({ weight: 6, arbitrary: fc.constant(['\r\nHost: gate']) }, fc.constant([])),
    fields: fc.array(fc.tuple(lineEnd, field), { maxLength: 5 }),
    sized: fc.oneof({ weight: 2, arbitrary: fc.constant('\r\ncontent-length: 5') }, fc.constant('')),
    last: fc.oneof(
      { weight: 40, arbitrary: fc.constant('\r\n\r\n') },
      fc.constantFrom('\n\n', '\r\n\n', '\r\n', '\n\r\n'),
    ),
    body,
  })
  .map(({ line, first, fields, sized, last, body: text }) =>
    [line, ...first, ...fields.flat(), sized, last, text].join(''),
  );

/** The bytes as made, or with one of them replaced. */
const bytesOf = fc
  .tuple(requests, fc.option(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))))
  .map(([text, change]) => {
    const bytes = Buffer.from(text, 'latin1');
    if (change !== null) bytes[change[0] % bytes.length] = change[1];
    return bytes;
  });

test('what the gate takes by itself, Node reads as the very same, and as nothing more', async (t) => {
  let taken = 0;
  let bodies = 0;
  await fc.assert(
    fc.asyncProperty(bytesOf, async (bytes) => {
      const read = asTheGate(bytes);
      if (typeof read !== 'object') return;
      taken += 1;
      if (read.body !== '') bodies += 1;
      const node = await asNode(bytes);
      if (JSON.stringify(node) === JSON.stringify([read, 'goes on'])) return;
      throw new Error(`${JSON.stringify(bytes.toString('latin1'))}: ${JSON.stringify({ node, gate: read })}`);
    }),
    { seed: 1, numRuns: 40_000 },
  );
  t.ok(taken > 2_000, `${taken} requests were taken`);
  t.ok(bodies > 500, `${bodies} of them with a body`);
});

test('what the gate waits for the rest of, it takes as the same when the rest has come', (t) => {
  let waited = 0;
  fc.assert(
    fc.property(bytesOf, fc.nat(), (bytes, at) => {
      const whole = asTheGate(bytes);
      const part = asTheGate(bytes.subarray(0, at % bytes.length));
      if (typeof part !== 'number') return;
      waited += 1;
      // It never waits for more than there is of a request it would take, nor takes a part for the whole.
      if (typeof whole === 'object' && part !== 0) t.equal(part, bytes.length);
    }),
    { seed: 1, numRuns: 8_000 },
  );
  t.ok(waited > 1_000, `${waited} parts were waited for`);
  t.end();
});

test('every byte in every place of a plain request', async (t) => {
  const plain = Buffer.from(
    'POST /v1?a=b HTTP/1.1\r\nHost: gate\r\nX-Token: 0123456789abcdef\r\nContent-Length: 2\r\n\r\nok',
  );
  let taken = 0;
  for (let at = 0; at < plain.length; at += 1) {
    for (let byte = 0; byte < 256; byte += 1) {
      const bytes = Buffer.from(plain);
      bytes[at] = byte;
      const read = asTheGate(bytes);
      if (typeof read !== 'object') continue;
      taken += 1;
      const node = await asNode(bytes);
      if (JSON.stringify(node) !== JSON.stringify([read, 'goes on'])) {
        t.fail(`byte ${byte} at ${at}: ${JSON.stringify({ node, read })}`);
      }
    }
  }
  t.ok(taken > 3_000, `${taken} of them are requests`);
});
