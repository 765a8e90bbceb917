// Covering up by leaving out. The lines of one's own calls are taken out of the log, or a whole file of it; the lines around them
// are left as they are, or numbered and digested anew.

import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { ed25519 } from '../support/audit-keys.ts';
import { auditFile, check, openTrail, rewrite, sealedAgain, writtenLog } from '../support/audit-trail.ts';

test('a line, some lines, the first line', async (t) => {
  const { file, lines } = await writtenLog(t);
  rewrite(file, lines.toSpliced(2, 1));
  t.strictSame((await check(file)).found, ['3 record 2 is missing before it']);
  rewrite(file, lines.toSpliced(1, 2));
  t.strictSame((await check(file)).found, ['2 records 1 to 2 are missing before it']);
  rewrite(file, lines.slice(1));
  t.match((await check(file)).found[0], /^1 is not the first line of a file/);
});

test('and the rest made to fit: the signatures do not', async (t) => {
  const { file, lines } = await writtenLog(t, { key: ed25519.key });
  rewrite(file, sealedAgain(lines.toSpliced(2, 1).map((line) => JSON.parse(line))));
  const { found } = await check(file, { keys: [ed25519.publicKey] });
  t.equal(found[0], '4 is a checkpoint of another place');
  t.ok(found.some((what) => what.startsWith('no checkpoint is signed')));
});

test('a whole file', async (t) => {
  const file = auditFile(t);
  for (let run = 0; run < 3; run += 1) {
    const trail = openTrail({ file, now: () => run * 1_000 });
    trail.append('test', { run });
    await trail.close();
  }
  const folder = join(file, '..');
  const [, middle = ''] = readdirSync(folder).sort();
  rmSync(join(folder, middle));
  t.match((await check(folder)).found, [/records 3 to 5 are missing before it$/]);
});
