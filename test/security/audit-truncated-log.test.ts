// Covering up by cutting off. What is cut off the very end leaves a log that is whole in itself; nothing inside it can tell. It
// is told by the next file, by a head that was kept elsewhere, by a number, or by a gate that is known to have been stopped in
// order; and a log that does not end in order is never called complete.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { ed25519 } from '../support/audit-keys.ts';
import { auditFile, check, linesOf, openTrail, rewrite, writtenLog } from '../support/audit-trail.ts';
import { recordingLog } from '../support/log.ts';

const keys = [ed25519.publicKey];

test('the last lines', async (t) => {
  const log = recordingLog();
  const { file, lines } = await writtenLog(t, { key: ed25519.key, log });
  // What the gate said of its end, in a log that is kept elsewhere.
  const told = log.lines.find(({ message }) => message === 'audit: the log is closed')?.facts;
  const kept: { seq?: number; hash?: string } = told ?? {};
  t.equal(kept.hash, linesOf(file).at(-1)?.['hash']);

  rewrite(file, lines.slice(0, 5));
  const { found, verdict } = await check(file, { keys });
  t.strictSame(found, [], 'up to a checkpoint it is a log as good as any');
  t.equal(verdict.closed, false, 'but not one that ended in order');
  t.match((await check(file, { keys, head: kept.hash })).found, [/^the head that was given is not in the log/]);
  t.match((await check(file, { keys, expectSeq: kept.seq })).found, [/ends at record 4, before 9/]);
  t.match((await check(file, { keys, expectClosed: true })).found, [/does not end with a closing checkpoint/]);
});

test('in the middle of a line', async (t) => {
  const { file } = await writtenLog(t);
  writeFileSync(file, readFileSync(file).subarray(0, -30));
  t.match((await check(file)).found, [/is not whole: the gate was stopped while it wrote, or the end was cut off/]);
});

test('the end of a file that another one follows', async (t) => {
  const file = auditFile(t);
  const first = openTrail({ file });
  for (let n = 0; n < 5; n += 1) first.append('test', { n });
  await first.close();
  await openTrail({ file }).close();
  const folder = join(file, '..');
  const [older = ''] = readdirSync(folder).sort();
  const path = join(folder, older);
  rewrite(path, readFileSync(path, 'utf8').split('\n').slice(0, 3));
  t.match((await check(folder)).found, [/^audit.jsonl:1 records 3 to 6 are missing before it/]);
});

test('the whole last file: only what is known from outside tells', async (t) => {
  const file = auditFile(t);
  await openTrail({ file }).close();
  const second = openTrail({ file });
  await second.close();
  const folder = join(file, '..');
  const expectSeq = second.seq;
  rmSync(file);
  t.strictSame((await check(folder)).found, []);
  t.match((await check(folder, { expectSeq })).found, [/the log ends at record 1, before 3/]);
});
