// The response guard: the credential never leaves in a body, everything else leaves as it came.

import fc from 'fast-check';
import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { createGuard, finishGuarded, guardedBy, isTextual, lookFor, passGuarded } from '../../src/forwarding/guard.ts';

const secret = 'eyJhbGciOiJIUzI1NiJ9.e30.s1gn4tur3';

function guarded(forms: readonly string[], chunks: readonly Buffer[]): Buffer {
  const guard = createGuard(lookFor(forms));
  const passed = chunks.map((chunk) => Buffer.from(passGuarded(guard, chunk)));
  return Buffer.concat([...passed, finishGuarded(guard, Buffer.alloc(0))]);
}

function cut(text: string, at: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text, 'latin1');
  const points = [...at.map((point) => point % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return points.map((end, index) => bytes.subarray(points[index - 1] ?? 0, end));
}

test('a credential in one chunk is masked in place', async (t) => {
  const body = `{"headers":{"authorization":"Bearer ${secret}"}}`;
  t.equal(guarded([secret], [Buffer.from(body)]).toString(), body.replace(secret, '*'.repeat(secret.length)));
});

test('a credential cut at every place is masked, and so are two of them', async (t) => {
  const body = `a ${secret} b ${secret}${secret} c`;
  const expected = body.replaceAll(secret, '*'.repeat(secret.length));
  for (let at = 0; at <= body.length; at += 1) {
    t.equal(guarded([secret], cut(body, [at])).toString(), expected, `cut at ${at}`);
  }
});

test('chunks without a trace of it pass as the same Buffer, and nothing is held back', async (t) => {
  const guard = createGuard(lookFor([secret]));
  const chunk = Buffer.from('data: {"delta":"eyes"}\n\n');
  t.equal(passGuarded(guard, chunk), chunk);
  t.equal(finishGuarded(guard, Buffer.alloc(0)).length, 0);
});

test('only a tail that could begin the credential is held back, and no longer than needed', async (t) => {
  const guard = createGuard(lookFor([secret]));
  t.equal(passGuarded(guard, Buffer.from('the ey')).toString(), 'the ');
  t.equal(passGuarded(guard, Buffer.from('es have it')).toString(), 'eyes have it');
});

test('the chunk of the parser is not written to', async (t) => {
  const chunk = Buffer.from(`x ${secret}`);
  passGuarded(createGuard(lookFor([secret])), chunk);
  t.equal(chunk.toString(), `x ${secret}`);
});

test('spellings: percent-encoded and with escaped slashes where they differ', async (t) => {
  t.strictSame(guardedBy(new Secret(secret)).forms, [secret]);
  t.strictSame(guardedBy(new Secret('abc/def+ghi=')).forms, ['abc/def+ghi=', 'abc%2Fdef%2Bghi%3D', 'abc\\/def+ghi=']);
  t.strictSame(guardedBy(new Secret('short')).forms, []);
  t.strictSame(guardedBy(undefined).forms, []);
});

test('any text with planted credentials, in any chunks: never emitted, otherwise unchanged', async (t) => {
  // Few letters, so that beginnings, overlaps and near misses of the credential are common.
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 8, maxLength: 12 });
  const pieces = (planted: string) =>
    fc.array(fc.oneof(fc.constant(planted), fc.string({ unit: fc.constantFrom('a', 'b', '*', '\n'), maxLength: 9 })), {
      maxLength: 8,
    });
  const worlds = letters.chain((planted) =>
    fc.tuple(fc.constant(planted), pieces(planted), fc.array(fc.nat(200), { maxLength: 12 })),
  );
  fc.assert(
    fc.property(worlds, ([planted, parts, at]) => {
      const body = parts.join('');
      const out = guarded([planted], cut(body, at)).toString('latin1');
      return (
        !out.includes(planted) &&
        out.length === body.length &&
        out === guarded([planted], [Buffer.from(body, 'latin1')]).toString('latin1') &&
        (body.includes(planted) || out === body)
      );
    }),
    { seed: 1, numRuns: 600 },
  );
  t.pass('held');
});

test('what is text', async (t) => {
  for (const type of [
    undefined,
    '',
    'text/event-stream',
    'text/html; charset=utf-8',
    'application/json',
    'Application/JSON;charset=utf-8',
    'application/problem+json',
    'application/vnd.api+json; v=1',
    'image/svg+xml',
    'application/x-www-form-urlencoded',
    'application/javascript',
    'application/x-ndjson',
    'multipart/mixed; boundary=x',
    'application/x-amz-json-1.1',
    'application/never-heard-of',
    'application/zipped-text',
    'audible/text',
  ]) {
    t.ok(isTextual(type), String(type));
  }
  for (const type of [
    'image/png',
    'Audio/MPEG',
    'application/octet-stream',
    'application/vnd.amazon.eventstream',
    'application/grpc+proto',
    'application/x-protobuf; v=1',
    'application/vnd.apache.arrow.stream',
  ]) {
    t.notOk(isTextual(type), type);
  }
});
