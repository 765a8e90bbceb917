// Covering up with what is genuine. An older file of the same log, or of another gate with the same key, takes the place of the
// one that is to be forgotten; or lines that were once written are written again, to make something look as if it went on.

import { copyFileSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { ed25519 } from '../support/audit-keys.ts';
import { auditFile, check, openTrail, rewrite, writtenLog } from '../support/audit-trail.ts';

const keys = [ed25519.publicKey];

async function threeFiles(t: Test): Promise<string> {
  const file = auditFile(t);
  for (let run = 0; run < 3; run += 1) {
    const trail = openTrail({ file, key: ed25519.key, now: () => run * 1_000 });
    trail.append('test', { run });
    await trail.close();
  }
  return join(file, '..');
}

test('an older file as the newest', async (t) => {
  const folder = await threeFiles(t);
  const [first = ''] = readdirSync(folder).sort();
  copyFileSync(join(folder, first), join(folder, 'audit.jsonl'));
  const { found } = await check(folder, { keys });
  t.match(found[0], /stands in the wrong place, or is a copy: it is record 0, where 3 belongs/);
});

test('an older file instead of the one in the middle', async (t) => {
  const folder = await threeFiles(t);
  const [first = '', second = ''] = readdirSync(folder).sort();
  renameSync(join(folder, second), join(folder, 'kept'));
  copyFileSync(join(folder, first), join(folder, second));
  const { found } = await check(folder, { keys });
  t.ok(found.some((what) => /records 3 to 5 are missing/.test(what)));
});

test('the log of another gate, whose key is the same', async (t) => {
  const other = readFileSync((await writtenLog(t, { key: ed25519.key })).file);
  const folder = await threeFiles(t);
  const names = readdirSync(folder).sort();
  const replaced = join(folder, names[1] ?? '');
  writeFileSync(replaced, other);
  const { found, logs } = await check(folder, { keys });
  t.equal(logs, 2, 'it says itself that it belongs elsewhere');
  t.ok(found.some((what) => /records 3 to 5 are missing/.test(what)));
});

test('lines that were written before, written again', async (t) => {
  const { file, lines } = await writtenLog(t, { key: ed25519.key });
  rewrite(file, [...lines, ...lines.slice(1)]);
  const { found } = await check(file, { keys });
  t.equal(found.length, lines.length - 1);
  rewrite(file, [...lines, ...lines]);
  t.equal((await check(file, { keys })).found.length, lines.length, 'a header again is no new run of the gate');
  t.ok(readFileSync(file, 'utf8').length > 0);
});
