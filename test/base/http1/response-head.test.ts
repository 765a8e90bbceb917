// Heads of answers: what is read of a good one, and that whatever two parsers could read differently is refused.

import { test } from 'tap';
import { readResponseHead } from '../../../src/base/http1/response-head.ts';

const head = (...lines: string[]) => readResponseHead(['HTTP/1.1 200 OK', ...lines].join('\r\n'));

test('a head is a status, lines with names in lower case, and what they say of the body', async (t) => {
  t.strictSame(head('Content-Type: text/plain', 'X-Many: a', 'X-Many: b', 'Content-Length: 12'), {
    status: 200,
    lines: ['content-type', 'text/plain', 'x-many', 'a', 'x-many', 'b', 'content-length', '12'],
    length: 12,
    chunked: false,
    persistent: true,
    keepsFor: undefined,
  });
  t.match(head('Transfer-Encoding: Chunked'), { chunked: true, length: undefined });
});

test('blanks around a value are no part of it; bytes beyond ASCII are', async (t) => {
  t.strictSame(head('a:1', 'b: \t 2 \t', 'c:', 'd: caf\u00e9').lines, ['a', '1', 'b', '2', 'c', '', 'd', 'caf\u00e9']);
});

test('a status line may have no reason, or any', async (t) => {
  t.equal(readResponseHead('HTTP/1.1 204').status, 204);
  t.equal(readResponseHead('HTTP/1.1 404 ').status, 404);
  t.equal(readResponseHead('HTTP/1.1 599 Not: a header').status, 599);
});

test('a connection persists unless one side says otherwise', async (t) => {
  t.equal(head('Connection: keep-alive').persistent, true);
  t.equal(head('Connection: x, Close').persistent, false);
  t.equal(head('Connection: close', 'Connection: keep-alive').persistent, false);
  t.equal(readResponseHead('HTTP/1.0 200 OK\r\nConnection: keep-alive').persistent, false, 'HTTP/1.0 does not');
});

test('how long the other side keeps an idle connection is read where it says so', async (t) => {
  t.equal(head('Keep-Alive: timeout=5, max=100').keepsFor, 5);
  t.equal(head('Keep-Alive: max=100; timeout=65').keepsFor, 65);
  t.equal(head('Keep-Alive: retimeout=5').keepsFor, undefined);
  t.equal(head('Keep-Alive: timeout=99999999').keepsFor, undefined);
});

const malformed: Record<string, string> = {
  'nothing at all': '',
  'another protocol': 'HTTP/2 200 OK',
  'another version': 'HTTP/1.2 200 OK',
  'lower case': 'http/1.1 200 OK',
  'two blanks': 'HTTP/1.1  200 OK',
  'a status of two digits': 'HTTP/1.1 20 OK',
  'a status of four': 'HTTP/1.1 2000 OK',
  'a status below 100': 'HTTP/1.1 099 X',
  'a control character in the reason': 'HTTP/1.1 200 O\x00K',
  'a line without a colon': 'HTTP/1.1 200 OK\r\nabc',
  'a name that is none': 'HTTP/1.1 200 OK\r\n: x',
  'a blank before the colon': 'HTTP/1.1 200 OK\r\ncontent-length : 0',
  'a folded line': 'HTTP/1.1 200 OK\r\na: b\r\n c: d',
  'a name beyond ASCII': 'HTTP/1.1 200 OK\r\n\u00e9: x',
  'a NUL': 'HTTP/1.1 200 OK\r\na: b\0c',
  'a CR by itself': 'HTTP/1.1 200 OK\r\na: b\rc: d',
  'an LF by itself': 'HTTP/1.1 200 OK\r\na: b\nc: d',
  'lines ended by LF': 'HTTP/1.1 200 OK\na: b',
  'a DEL': 'HTTP/1.1 200 OK\r\na: b\x7fc',
  'an empty line within': 'HTTP/1.1 200 OK\r\n\r\na: b',
  'too many lines': `HTTP/1.1 200 OK${'\r\na: b'.repeat(257)}`,
};

for (const [name, text] of Object.entries(malformed)) {
  test(`${name} is no head`, async (t) => {
    t.throws(() => readResponseHead(text), { code: 'HEAD_MALFORMED' });
  });
}

const ambiguous: Record<string, readonly string[]> = {
  'two lengths': ['content-length: 1', 'content-length: 2'],
  'one length twice': ['content-length: 1', 'content-length: 1'],
  'a list of lengths': ['content-length: 1, 1'],
  'a length with a sign': ['content-length: +1'],
  'a negative length': ['content-length: -1'],
  'a length in hexadecimal': ['content-length: 0x10'],
  'an empty length': ['content-length:'],
  'a length no number holds': [`content-length: ${'9'.repeat(16)}`],
  'a length and chunks': ['content-length: 1', 'transfer-encoding: chunked'],
  'chunks and a length': ['transfer-encoding: chunked', 'content-length: 1'],
  'two codings': ['transfer-encoding: gzip, chunked'],
  'chunks twice': ['transfer-encoding: chunked', 'transfer-encoding: chunked'],
  'a coding that is none': ['transfer-encoding: xchunked'],
  'a coding with a parameter': ['transfer-encoding: chunked;a=b'],
  'no coding': ['transfer-encoding: identity'],
};

for (const [name, lines] of Object.entries(ambiguous)) {
  test(`${name}: where the body ends is not guessed`, async (t) => {
    t.throws(() => head(...lines), { code: 'FRAMING_AMBIGUOUS' });
  });
}

test('HTTP/1.0 knows no chunks', async (t) => {
  t.throws(() => readResponseHead('HTTP/1.0 200 OK\r\ntransfer-encoding: chunked'), { code: 'FRAMING_AMBIGUOUS' });
});
