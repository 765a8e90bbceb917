// What of an agent's requests the gate reads by itself, and what it leaves to Node: a plain request, and one thing changed.

import { test } from 'tap';
import { maxHeaderLines, readWholeRequest } from '../../src/listeners/whole-request.ts';

const maxHeadBytes = 65_536;
const token = `Bearer ${'eyJhbGciOiJFUzI1NiJ9.'.repeat(20)}`;

interface Parts {
  readonly line?: string;
  readonly lines?: readonly string[];
  readonly body?: string;
}

const plain = {
  line: 'POST /openai/v1/chat/completions?a=b%20c HTTP/1.1',
  lines: [
    'Host: gate:8080',
    `Authorization: ${token}`,
    'Content-Type: application/json',
    'content-length: 2',
    'X-Empty:',
  ],
  body: '{}',
};

function read(parts: Parts, bound = maxHeadBytes) {
  const { line, lines, body } = { ...plain, ...parts };
  return readWholeRequest(Buffer.from(`${[line, ...lines].join('\r\n')}\r\n\r\n${body}`, 'latin1'), bound);
}

test('a plain request is read as it was written', (t) => {
  t.match(read({}), {
    method: 'POST',
    target: '/openai/v1/chat/completions?a=b%20c',
    rawHeaders: [
      ...[
        'Host',
        'gate:8080',
        'Authorization',
        token,
        'Content-Type',
        'application/json',
        'content-length',
        '2',
        'X-Empty',
        '',
      ],
    ],
    body: Buffer.from('{}'),
  });
  t.end();
});

const taken: Record<string, Parts> = {
  'no body': { line: 'GET / HTTP/1.1', lines: ['Host: g'], body: '' },
  'a body of no length': { lines: ['Host: g', 'Content-Length: 0'], body: '' },
  'a connection that stays': { lines: ['Host: g', 'Connection: keep-alive'], body: '' },
  'no space before a value': { lines: ['Host:g'], body: '' },
  'bytes beyond ASCII in a value': {
    lines: ['Host: g', 'X-Name: J\u00fcrgen, of a length that is looked at sixteen at a time'],
    body: '',
  },
  'the same field again': { lines: ['Host: g', 'Accept: a', 'Accept: b'], body: '' },
  'as many lines as there may be': {
    lines: ['Host: g', ...Array.from({ length: maxHeaderLines - 1 }, () => 'A: b')],
    body: '',
  },
};

for (const [told, parts] of Object.entries(taken)) {
  test(`${told}: taken`, (t) => {
    t.type(read(parts), 'object');
    t.end();
  });
}

const host = 'Host: g';
const leftToNode: Record<string, Parts> = {
  'HTTP/1.0': { line: 'GET / HTTP/1.0', lines: [host], body: '' },
  'HTTP/2': { line: 'PRI * HTTP/2.0', lines: ['', 'SM'], body: '' },
  CONNECT: { line: 'CONNECT gate:1 HTTP/1.1', lines: [host], body: '' },
  'a method in small letters': { line: 'get / HTTP/1.1', lines: [host], body: '' },
  'an absolute target': { line: 'GET http://gate/ HTTP/1.1', lines: [host], body: '' },
  'the server itself as target': { line: 'OPTIONS * HTTP/1.1', lines: [host], body: '' },
  'a fragment': { line: 'GET /a#b HTTP/1.1', lines: [host], body: '' },
  'a target that is no URI': { line: 'GET /a|b HTTP/1.1', lines: [host], body: '' },
  'two spaces': { line: 'GET  / HTTP/1.1', lines: [host], body: '' },
  'an empty line before it': { line: '\r\nGET / HTTP/1.1', lines: [host], body: '' },
  'no host': { lines: ['Accept: a'], body: '' },
  'two hosts': { lines: [host, 'Host: h'], body: '' },
  'a space before a colon': { lines: [host, 'X-A : b'], body: '' },
  'a folded line': { lines: [host, 'X-A: b', ' c'], body: '' },
  'a name of no token': { lines: [host, 'X(A): b'], body: '' },
  'a line without a name': { lines: [host, ': b'], body: '' },
  'a line without a colon': { lines: [host, 'X-A'], body: '' },
  'two spaces before a value': { lines: [host, 'X-A:  b'], body: '' },
  'a space after a value': { lines: [host, 'X-A: b '], body: '' },
  'a tab in a value': { lines: [host, 'X-A: b\tc'], body: '' },
  'a NUL in a value': { lines: [host, 'X-A: b\0c'], body: '' },
  'a DEL in a long value': { lines: [host, `X-A: ${'b'.repeat(40)}\x7f${'c'.repeat(40)}`], body: '' },
  'a bare CR': { lines: [host, 'X-A: b\rX-C: d'], body: '' },
  'a bare LF': { lines: [host, 'X-A: b\nX-C: d'], body: '' },
  'a length said twice': { lines: [host, 'Content-Length: 2', 'Content-Length: 2'] },
  'a length in a list': { lines: [host, 'Content-Length: 2, 2'] },
  'a length with a sign': { lines: [host, 'Content-Length: +2'] },
  'a length with a zero in front': { lines: [host, 'Content-Length: 02'] },
  'a length in hexadecimal': { lines: [host, 'Content-Length: 0x2'] },
  'a length that is none': { lines: [host, 'Content-Length:'], body: '' },
  'a length beyond what is taken whole': { lines: [host, 'Content-Length: 65536'] },
  chunks: { lines: [host, 'Transfer-Encoding: chunked'], body: '2\r\n{}\r\n0\r\n\r\n' },
  'chunks and a length': { lines: [host, 'Transfer-Encoding: chunked', 'Content-Length: 2'] },
  'an expectation': { lines: [host, 'Expect: 100-continue', 'Content-Length: 2'], body: '' },
  'another protocol': { lines: [host, 'Connection: Upgrade', 'Upgrade: websocket'], body: '' },
  'another protocol, unsaid in Connection': { lines: [host, 'Upgrade: websocket'], body: '' },
  'a connection that closes': { lines: [host, 'Connection: close'], body: '' },
  'a connection that closes, told to a proxy': { lines: [host, 'Proxy-Connection: close'], body: '' },
  'a nominated field': { lines: [host, 'Connection: keep-alive, X-A'], body: '' },
  'trailers to come': { lines: [host, 'Trailer: X-A'], body: '' },
  'more than its length': { lines: [host, 'Content-Length: 1'] },
  'a second request behind it': { lines: [host], body: 'GET / HTTP/1.1\r\nHost: g\r\n\r\n' },
  'too many lines': { lines: [host, ...Array.from({ length: maxHeaderLines }, () => 'A: b')], body: '' },
};

for (const [told, parts] of Object.entries(leftToNode)) {
  test(`${told}: left to Node`, (t) => {
    t.equal(read(parts), undefined);
    t.end();
  });
}

test('a head that is larger than configured is left to Node, whole or not', (t) => {
  const lines = ['Host: g', `X-A: ${'b'.repeat(1_000)}`];

  t.type(read({ lines, body: '' }, 2_000), 'object');
  t.equal(read({ lines, body: '' }, 1_000), undefined);
  t.equal(readWholeRequest(Buffer.from(`GET /${'a'.repeat(1_000)}`), 1_000), undefined);
  t.end();
});

test('the rest is waited for where it may become a plain request', (t) => {
  const bytes = Buffer.from('POST /v1 HTTP/1.1\r\nHost: g\r\nContent-Length: 10\r\n\r\n0123456789');
  const of = (length: number) => readWholeRequest(bytes.subarray(0, length), maxHeadBytes);

  t.equal(of(9), 0, 'part of a request line');
  t.equal(of(40), 0, 'part of a line');
  t.equal(of(bytes.length - 10), bytes.length, 'a head');
  t.equal(of(bytes.length - 1), bytes.length, 'part of a body');
  t.equal(of(3), undefined, 'too little to tell');
  t.equal(readWholeRequest(Buffer.from('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03'), maxHeadBytes), undefined, 'TLS');
  t.equal(readWholeRequest(Buffer.from('STEAL /v1 HT'), maxHeadBytes), undefined, 'no method');
  t.end();
});
