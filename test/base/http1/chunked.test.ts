// Chunks: however a body is cut, and however its pieces arrive, what comes out is the body; a wrong byte is refused.

import fc from 'fast-check';
import { test } from 'tap';
import { isWhole, newChunks, takeChunks } from '../../../src/base/http1/chunked.ts';

/** What is taken out of pieces, and what lay beyond the end. */
function taken(pieces: readonly Buffer[]) {
  const chunks = newChunks();
  const body: Buffer[] = [];
  const beyond: Buffer[] = [];
  for (const given of pieces) {
    const piece = Buffer.from(given);
    const { bytes, end } = takeChunks(chunks, piece);
    // What follows the end is untouched; what is before it was moved to the front.
    beyond.push(given.subarray(end));
    body.push(Buffer.from(piece.subarray(0, bytes)));
  }
  return { body: Buffer.concat(body), whole: isWhole(chunks), beyond: Buffer.concat(beyond).toString('latin1') };
}

const of = (text: string) => taken([Buffer.from(text, 'latin1')]);

test('chunks are joined, sizes and line ends taken out', async (t) => {
  t.match(of('5\r\nhello\r\n1;a=b\r\n \r\n0005\r\nworld\r\n0\r\n\r\n'), { whole: true, beyond: '' });
  t.equal(of('5\r\nhello\r\n1;a=b\r\n \r\n0005\r\nworld\r\n0\r\n\r\n').body.toString(), 'hello world');
  t.equal(of('A\r\n0123456789\r\n0\r\n\r\n').body.length, 10);
});

test('trailers are read over', async (t) => {
  t.match(of('0\r\nx-a: b\r\nx-c: d\r\n\r\n'), { whole: true, beyond: '' });
});

test('what follows the end is told apart', async (t) => {
  t.match(of('1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK'), { whole: true, beyond: 'HTTP/1.1 200 OK' });
});

test('a body that was cut short is not whole', async (t) => {
  const text = '5\r\nhello\r\n0\r\nx-a: b\r\n\r\n';
  for (let end = 0; end < text.length; end += 1) t.equal(of(text.slice(0, end)).whole, false, text.slice(0, end));
});

const wrong: Record<string, string> = {
  'no size': '\r\nhello\r\n',
  'a size that is none': 'g\r\n',
  'a negative size': '-1\r\n',
  'a size with a prefix': '0x5\r\nhello\r\n',
  'a blank before the size': ' 5\r\nhello\r\n',
  'a blank after the size': '5 \r\nhello\r\n',
  'a size no number holds': `${'f'.repeat(14)}\r\n`,
  'a line ended by LF': '5\nhello\r\n0\r\n\r\n',
  'a line ended by CR': '5\rhello\r\n',
  'a chunk longer than its size': '2\r\nhello\r\n',
  'a chunk shorter than its size': '6\r\nhello\r\n0\r\n\r\n',
  'an LF in an extension': '5;a\nb\r\nhello\r\n',
  'a NUL in a trailer': '0\r\na: b\0\r\n\r\n',
  'an LF in a trailer': '0\r\na: b\nc: d\r\n\r\n',
  'an end without CR': '0\r\n\n',
  'endless extensions': `1;${'a'.repeat(40_000)}`,
  'endless trailers': `0\r\n${'a: b\r\n'.repeat(7_000)}`,
};

for (const [name, text] of Object.entries(wrong)) {
  test(`${name} is refused`, async (t) => {
    t.throws(() => of(text), { code: 'CHUNK_MALFORMED' });
  });
}

/** A body, its chunks, and the places where what is sent is cut into pieces. */
const sent = fc.record({
  chunks: fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 }),
  cuts: fc.array(fc.nat(400), { maxLength: 12 }),
});

function encoded(chunks: readonly Uint8Array[]): Buffer {
  const parts = chunks.flatMap((chunk) => [
    Buffer.from(`${chunk.length.toString(16)}\r\n`),
    Buffer.from(chunk),
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.filter((at) => at < bytes.length).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

test('any body, cut in any way, comes out as it was', async (t) => {
  fc.assert(
    fc.property(sent, ({ chunks, cuts }) => {
      const { body, whole, beyond } = taken(cutAt(encoded(chunks), cuts));
      return whole && beyond === '' && body.equals(Buffer.concat(chunks));
    }),
    { seed: 1, numRuns: 500 },
  );
  t.pass();
});
