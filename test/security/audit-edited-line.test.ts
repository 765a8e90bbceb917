// Covering up by editing. Whoever got onto the machine that keeps the audit log changes what stands in a line: another caller, a
// `deny` that becomes an `allow`, another time. With the digests made anew behind it, an unsigned log fits again; one that is
// signed does not, since no checkpoint says what it said before.

import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { ed25519 } from '../support/audit-keys.ts';
import { check, rewrite, sealedAgain, writtenLog } from '../support/audit-trail.ts';

test('one word in one line', async (t) => {
  const { file, lines } = await writtenLog(t, { key: ed25519.key });
  rewrite(file, lines.with(2, (lines[2] ?? '').replace('"n":1', '"n":0')));
  t.strictSame((await check(file)).found, ['3 was changed after it was written']);
});

test('one word, and the digest of its line: the next line still knows the old one', async (t) => {
  const { file, lines } = await writtenLog(t, { key: ed25519.key });
  const records = lines.map((line) => JSON.parse(line));
  records[2].n = 0;
  const forged = sealedAgain(records)[2] ?? '';
  rewrite(file, lines.with(2, forged));
  t.strictSame((await check(file)).found, ['4 does not follow the line before it: one of the two was replaced']);
});

test('one word, and every digest behind it: found by the first checkpoint after it, and only with the key', async (t) => {
  const { file, lines } = await writtenLog(t, { key: ed25519.key });
  const records = lines.map((line) => JSON.parse(line));
  records[2].n = 0;
  rewrite(file, sealedAgain(records));
  const { found, verdict } = await check(file, { keys: [ed25519.publicKey] });
  t.match(found, ['5 is a checkpoint of another place', /^9 is a checkpoint/, /^10 is a checkpoint/, /^no checkpoint/]);
  t.equal(verdict.lastTrusted, undefined);

  const restated = sealedAgain(restate(records));
  rewrite(file, restated);
  t.strictSame((await check(file)).found, [], 'without the key nobody can tell');
  t.match((await check(file, { keys: [ed25519.publicKey] })).found, [
    '5 is a checkpoint that has a signature of something else: it was moved here',
    /^9 is a checkpoint that/,
    /^10 is a checkpoint that/,
    /^no checkpoint is signed/,
  ]);
  t.notSame(readFileSync(file, 'utf8'), lines.join('\n'));
});

/** Checkpoints that say what the forged lines before them say. */
function restate(records: readonly Record<string, unknown>[]): Record<string, unknown>[] {
  const restated: Record<string, unknown>[] = [];
  for (const record of records) {
    const before = JSON.parse(sealedAgain(restated).at(-1) ?? '{}');
    const { checkpoint } = record;
    const about = typeof checkpoint === 'object' && checkpoint !== null ? checkpoint : undefined;
    restated.push(about === undefined ? record : { ...record, checkpoint: { ...about, hash: before.hash } });
  }
  return restated;
}
