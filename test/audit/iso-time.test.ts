// Points in time in records: what a date says, whichever time was told before.

import fc from 'fast-check';
import { test } from 'tap';
import { isoTime } from '../../src/audit/iso-time.ts';

test('as a date says it', (t) => {
  const near = fc.integer({ min: 1_795_262_400_000, max: 1_795_262_402_500 });
  const any = fc.integer({ min: -8.64e15, max: 8.64e15 });
  const fraction = fc.double({ min: -1e12, max: 1e12, noNaN: true });
  fc.assert(
    fc.property(fc.oneof(near, any, fraction), (ms) => isoTime(ms) === new Date(ms).toISOString()),
    { seed: 1, numRuns: 2_000 },
  );
  for (const ms of [0, -1, 999, 1_000, 8.64e15, -8.64e15]) t.equal(isoTime(ms), new Date(ms).toISOString());
  t.throws(() => isoTime(8.64e15 + 1_000), RangeError);
  t.throws(() => isoTime(Number.NaN), RangeError);
  t.end();
});
