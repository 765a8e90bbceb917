// Our reader of Protocol Buffers against a writer that is not ours, and against bytes that are no message at all.

import fc from 'fast-check';
import protobuf from 'protobufjs';
import { test } from 'tap';
import { WorkloadFailure } from '../../../src/base/spiffe/failure.ts';
import { createFrames, maxMessageBytes } from '../../../src/base/spiffe/frames.ts';
import { readJwtSvidResponse, readX509SvidResponse, writeJwtSvidRequest } from '../../../src/base/spiffe/messages.ts';
import { ProtobufError, readFields } from '../../../src/base/spiffe/protobuf.ts';
import { framed } from '../../support/exchange-vendors/spiffe.ts';

const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message All {
    string text = 1; bytes blob = 2; uint64 number = 3; fixed32 four = 4; fixed64 eight = 5; sint32 signed = 6;
    bool flag = 7; double real = 8; repeated string list = 9; map<string, bytes> table = 2000; int64 negative = 536870911;
  }
  message JWTSVIDRequest { repeated string audience = 1; string spiffe_id = 2; }
`,
  { keepCase: true },
);
const all = root.lookupType('All');

test('every kind of field another writer makes is read or skipped', (t) => {
  const written = fc.record({
    text: fc.string(),
    blob: fc.uint8Array(),
    number: fc.nat(),
    four: fc.nat(),
    eight: fc.nat(),
    signed: fc.integer(),
    flag: fc.boolean(),
    real: fc.double(),
    list: fc.array(fc.string()),
    table: fc.dictionary(fc.string(), fc.uint8Array()),
    negative: fc.integer(),
  });
  fc.assert(
    fc.property(written, (content) => {
      const fields = readFields(Buffer.from(all.encode(all.fromObject(content)).finish()));
      const texts = fields.filter(({ number }) => number === 9).map(({ bytes }) => bytes.toString());
      const blob = fields.find(({ number }) => number === 2)?.bytes ?? Buffer.alloc(0);
      t.strictSame(texts, content.list);
      t.ok(blob.equals(Buffer.from(content.blob)));
      t.equal(fields.filter(({ number }) => number === 2000).length, Object.keys(content.table).length);
    }),
    { seed: 1, numRuns: 40 },
  );
  t.end();
});

test('what we write is read by another reader', (t) => {
  const type = root.lookupType('JWTSVIDRequest');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.option(fc.string({ minLength: 1 })), (audience, id) => {
      const sent = writeJwtSvidRequest(audience, id ?? undefined);
      const read = type.toObject(type.decode(sent), { defaults: true, arrays: true });
      t.strictSame(read, { audience: [audience], spiffe_id: id ?? '' });
    }),
    { seed: 1, numRuns: 60 },
  );
  t.end();
});

test('any bytes: fields within them, or its own error', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300, size: 'max' }), (bytes) => {
      const message = Buffer.from(bytes);
      try {
        const total = readFields(message).reduce((sum, field) => sum + field.bytes.length, 0);
        if (total > message.length) t.fail('more was read than is there');
      } catch (failure) {
        if (!(failure instanceof ProtobufError)) t.fail(String(failure));
      }
      for (const read of [readJwtSvidResponse, readX509SvidResponse]) {
        try {
          read(message);
        } catch (failure) {
          if (!(failure instanceof WorkloadFailure)) t.fail(String(failure));
        }
      }
    }),
    { seed: 1, numRuns: 1_500 },
  );
  t.end();
});

const malformed: Record<string, [readonly number[], RegExp]> = {
  'a number without end': [Array<number>(11).fill(0xff), /more than ten bytes/],
  'a number that is cut': [[0x80], /middle of a number/],
  'a field that is cut': [[0x0a, 5, 1], /middle of a field/],
  'a length beyond all memory': [[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], /middle of a field/],
  'field number 0': [[0x02, 0], /without a number/],
  'a field number that is too large': [[0xfa, 0xff, 0xff, 0xff, 0xff, 0x01, 0], /without a number/],
  'a group': [[0x0b, 0x0c], /not understood/],
  'a wire type there is none of': [[0x0e], /not understood/],
};

for (const [what, [bytes, message]] of Object.entries(malformed)) {
  test(`${what} is refused`, (t) => {
    t.throws(() => readFields(Buffer.from(bytes)), { name: 'ProtobufError', message });
    t.end();
  });
}

test('a message of a million empty fields is refused before they are kept', (t) => {
  t.throws(() => readFields(Buffer.alloc(2_000_000, Buffer.from([0x0a, 0]))), { message: /more than 4096 fields/ });
  t.end();
});

test('frames are cut where they end, however the bytes come', (t) => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
  fc.assert(
    fc.property(bodies, fc.integer({ min: 1, max: 50 }), (messages, step) => {
      const bytes = Buffer.concat(messages.map((body) => framed(Buffer.from(body))));
      const frames = createFrames();
      const read: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += step) read.push(...frames.push(bytes.subarray(at, at + step)));
      t.strictSame(
        read.map((body) => body.toString('hex')),
        messages.map((body) => Buffer.from(body).toString('hex')),
      );
      t.notOk(frames.isCut());
    }),
    { seed: 1, numRuns: 40 },
  );
  t.end();
});

test('a frame is judged by its head alone', (t) => {
  const head = (flags: number, length: number) => {
    const bytes = framed(Buffer.alloc(0));
    bytes[0] = flags;
    bytes.writeUInt32BE(length, 1);
    return bytes;
  };
  t.throws(() => createFrames().push(head(0, maxMessageBytes + 1)), { message: /more than 4194304 bytes/ });
  t.throws(() => createFrames().push(head(1, 3)), { message: /compresses/ });
  const frames = createFrames();
  frames.push(head(0, 3));
  t.ok(frames.isCut(), 'and one that is not whole is known to be cut');
  t.end();
});
