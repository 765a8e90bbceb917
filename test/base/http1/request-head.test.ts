// Heads of requests: the framing is the client's own, and nothing it is given can end a line.

import { test } from 'tap';
import type { UpstreamRequest } from '../../../src/base/http1/exchange.ts';
import { toFieldValue } from '../../../src/base/http1/field-value.ts';
import { requestHead } from '../../../src/base/http1/request-head.ts';

const good: UpstreamRequest = {
  method: 'POST',
  path: '/v1/a?b=c',
  headers: ['Accept', '*/*'],
  body: undefined,
  idleMs: 1,
};
const written = (change: Partial<UpstreamRequest>) => requestHead({ ...good, ...change }, 'api.test:8443');

test('host and framing come first and last', async (t) => {
  t.equal(
    written({ body: Buffer.from('four') }),
    'POST /v1/a?b=c HTTP/1.1\r\nhost: api.test:8443\r\nconnection: keep-alive\r\nAccept: */*\r\ncontent-length: 4\r\n\r\n',
  );
});

test('a method that expects a body says that there is none', async (t) => {
  t.match(written({}), 'content-length: 0\r\n');
  t.notMatch(written({ method: 'GET' }), 'content-length');
  t.notMatch(written({ method: 'DELETE' }), 'content-length');
});

test('a streamed body has its length, or comes in chunks', async (t) => {
  const { Readable } = await import('node:stream');
  const stream = Readable.from([]);
  t.match(written({ body: { stream, length: 70_000 } }), 'content-length: 70000\r\n');
  t.match(written({ body: { stream, length: undefined } }), 'transfer-encoding: chunked\r\n');
});

const refused: Record<string, Partial<UpstreamRequest>> = {
  'a line break in a value': { headers: ['a', 'b\r\nc: d'] },
  'a CR in a value': { headers: ['a', 'b\rc'] },
  'an LF in a value': { headers: ['a', 'b\nc'] },
  'a NUL in a value': { headers: ['a', 'b\0'] },
  'a value that is no bytes': { headers: ['a', '\u2028'] },
  'a value that would become a line feed as a byte': { headers: ['a', 'b\u010ac: d'] },
  'a colon in a name': { headers: ['a:', 'b'] },
  'a line break in a name': { headers: ['a\r\nb', 'c'] },
  'an empty name': { headers: ['', 'b'] },
  'a length of its own': { headers: ['Content-Length', '4'] },
  'a coding of its own': { headers: ['transfer-encoding', 'chunked'] },
  'a host of its own': { headers: ['HOST', 'other.test'] },
  'a connection of its own': { headers: ['connection', 'close'] },
  'a blank in the path': { path: '/a b' },
  'a line break in the path': { path: '/a\r\nhost: b' },
  'a path that is a whole address': { path: 'http://other.test/' },
  'an empty path': { path: '' },
  'a method with a blank': { method: 'GET /other' },
};

for (const [name, change] of Object.entries(refused)) {
  test(`${name} is not sent`, async (t) => {
    t.throws(() => written(change), { code: 'REQUEST_MALFORMED' });
  });
}

test('a value that was checked before is sent, and vouches for no other', async (t) => {
  const checked = toFieldValue('Bearer abc');
  t.match(written({ checked, headers: ['authorization', 'Bearer abc'] }), 'authorization: Bearer abc\r\n');
  t.throws(() => written({ checked, headers: ['authorization', 'Bearer abc\n'] }), { code: 'REQUEST_MALFORMED' });
  t.throws(() => written({ checked, headers: ['a', 'b\r\nc: d', 'authorization', 'Bearer abc'] }), {
    code: 'REQUEST_MALFORMED',
  });
});

test('what is no field value is never marked as one', async (t) => {
  for (const text of ['b\r\nc: d', 'b\rc', 'b\nc', 'b\0', '\u2028', 'b\u010ac', `${'a'.repeat(2_000)}\n`]) {
    t.throws(() => toFieldValue(text), { code: 'REQUEST_MALFORMED' });
  }
});
