// fastify/reply-from GHSA-v574 (two destinations, one cache key): neighbouring fields must never collide in a digest.

import fc from 'fast-check';
import { test } from 'tap';
import { type DigestField, digest } from '../../src/base/digest.ts';

test('moving a character across a field border changes the digest', (t) => {
  t.not(digest(['ab', 'c']), digest(['a', 'bc']));
  t.not(digest(['', 'x']), digest(['x', '']));
  t.not(digest([undefined]), digest(['']));
  t.not(digest([undefined]), digest(['-']));
  t.not(digest([['a', 'b']]), digest([['ab']]));
  t.not(digest([['a'], 'b']), digest([['a', 'b']]));
  t.not(digest(['1:a;']), digest(['a']));
  t.end();
});

test('different field lists never share a digest', (t) => {
  const text = fc.string({ unit: fc.constantFrom('a', ':', ';', '[', ']', '-', '1', '2'), maxLength: 6 });
  const field: fc.Arbitrary<DigestField> = fc.oneof(text, fc.constant(undefined), fc.array(text, { maxLength: 3 }));
  const fields = fc.array(field, { maxLength: 4 });
  fc.assert(
    fc.property(fields, fields, (a, b) => {
      // JSON writes an absent field as null, which no string or list shares.
      const same = JSON.stringify(a) === JSON.stringify(b);
      return (digest(a) === digest(b)) === same;
    }),
    { seed: 1, numRuns: 2_000 },
  );
  t.end();
});
