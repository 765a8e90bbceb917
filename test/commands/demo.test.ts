// postern demo: the whole story, and every fact it claims holds.

import { test } from 'tap';
import { run } from '../support/e2e-command.ts';

test('every fact holds', async (t) => {
  const { code, stdout } = await run(t, ['demo', '--json']);
  t.equal(code, 0);
  const { checks, hops, spans } = JSON.parse(stdout);
  t.ok(checks.length >= 14);
  t.ok(checks.every(({ holds }: { holds: boolean }) => holds));
  t.ok(hops.length >= 6);
  t.ok(spans.length >= 15);
  t.notMatch(stdout, /eyJ[\w-]{20,}/, 'and no token is printed');
});
