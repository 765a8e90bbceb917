// Covering up by another order: the exchange after the denial, the revocation before the use. Every line is still there and
// still has its own digest.

import { test } from 'tap';
import { check, rewrite, writtenLog } from '../support/audit-trail.ts';

test('two lines that changed places, and a stretch that was turned around', async (t) => {
  const { file, lines } = await writtenLog(t);
  rewrite(file, lines.with(2, lines[3] ?? '').with(3, lines[2] ?? ''));
  t.strictSame((await check(file)).found, [
    '3 record 2 is missing before it',
    '4 stands in the wrong place, or is a copy: it is record 2, where 4 belongs',
  ]);
  rewrite(file, [...lines.slice(0, 1), ...lines.slice(1).reverse()]);
  t.ok((await check(file)).found.length >= lines.length - 1);
});
