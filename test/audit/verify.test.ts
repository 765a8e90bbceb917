// Verifying a log: a whole one passes, whatever its files and restarts; any change of a byte, any line removed, moved, or
// copied is found; and what cannot be seen from inside is said, not guessed.

import { appendFileSync, copyFileSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'tap';
import { ed25519, p256, stranger } from '../support/audit-keys.ts';
import { auditFile, check, linesOf, openTrail, rewrite, sealedAgain, writtenLog } from '../support/audit-trail.ts';

test('a log as it was written', async (t) => {
  const { file, lines } = await writtenLog(t);
  const { found, verdict } = await check(file);
  t.strictSame(found, []);
  t.match(verdict, { findings: 0, lines: lines.length, first: 0, closed: true, checkpoints: 3, signed: 0, runs: 1 });
  t.equal(verdict.last?.seq, lines.length - 1);
});

test('signed with either kind of key, checked with the public one', async (t) => {
  for (const { key, publicKey } of [ed25519, p256]) {
    const { file } = await writtenLog(t, { key });
    const { found, verdict } = await check(file, { keys: [stranger.publicKey, publicKey] });
    t.strictSame(found, []);
    t.match(verdict, { signed: 3, lastTrusted: { seq: 8 } });
  }
});

test('over rotation, restarts and a crash, in one folder beside the log of another gate', async (t) => {
  const { key, publicKey } = ed25519;
  const file = auditFile(t);
  const rotation = { size: 1_500, age: 60_000 };
  const first = openTrail({ file, key, rotation });
  for (let n = 0; n < 20; n += 1) first.append('test', { n });
  await first.flush();
  appendFileSync(file, '{"seq":9');
  const second = openTrail({ file, key, rotation });
  for (let n = 0; n < 20; n += 1) second.append('test', { n });
  await second.close();
  const other = openTrail({ file: join(file, '../other.jsonl'), key });
  other.append('test', { n: 1 });
  await other.close();

  const { found, logs } = await check(join(file, '..'), { keys: [publicKey] });
  t.strictSame(found, []);
  t.equal(logs, 2);
  const own = readdirSync(join(file, '..')).filter((name) => name.startsWith('audit'));
  t.ok(own.length > 3);
  const { verdict } = await check(
    own.map((name) => join(file, '..', name)),
    { keys: [publicKey] },
  );
  t.match(verdict, { files: own.length, tornAndTold: 1, closed: true });
});

test('property: any single byte that is another one', async (t) => {
  const { file } = await writtenLog(t, { key: ed25519.key });
  const whole = readFileSync(file);
  const edit = fc.tuple(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }));
  await t.resolves(
    fc.assert(
      fc.asyncProperty(edit, async ([at, by]) => {
        const edited = Buffer.from(whole);
        edited[at] = ((whole[at] ?? 0) + by) % 256;
        writeFileSync(file, edited);
        return (await check(file)).found.length > 0;
      }),
      { seed: 1, numRuns: 60 },
    ),
  );
});

test('property: any line removed from within, any two swapped, any one repeated', async (t) => {
  const { file, lines } = await writtenLog(t);
  const index = fc.nat({ max: lines.length - 1 });
  const attempt = async (changed: readonly string[]) => {
    rewrite(file, changed);
    return (await check(file)).found.length;
  };
  await t.resolves(
    fc.assert(
      fc.asyncProperty(index, index, async (one, two) => {
        const line = lines[one] ?? '';
        const removed = one === lines.length - 1 ? 1 : await attempt(lines.toSpliced(one, 1));
        const swapped = one === two ? 1 : await attempt(lines.with(one, lines[two] ?? '').with(two, line));
        const repeated = await attempt(lines.toSpliced(two, 0, line));
        return removed > 0 && swapped > 0 && repeated > 0;
      }),
      { seed: 1, numRuns: 40 },
    ),
  );
});

test('property: cut off anywhere, it is seen by a head or a number that was kept, or by how the log ends', async (t) => {
  const { file, lines } = await writtenLog(t);
  const whole = readFileSync(file);
  const head = String(linesOf(file).at(-1)?.['hash']);
  await t.resolves(
    fc.assert(
      fc.asyncProperty(fc.nat({ max: whole.length - 1 }), async (length) => {
        writeFileSync(file, whole.subarray(0, length));
        const byHead = await check(file, { head });
        const bySeq = await check(file, { expectSeq: lines.length - 1 });
        const byClosing = await check(file, { expectClosed: true });
        return [byHead, bySeq, byClosing].every(({ found }) => found.length > 0) && !byHead.verdict.closed;
      }),
      { seed: 1, numRuns: 40 },
    ),
  );
});

test('each finding names its line, once', async (t) => {
  const { file, lines } = await writtenLog(t);
  const seen = async (changed: readonly string[]) => {
    rewrite(file, changed);
    return (await check(file)).found;
  };
  const edited = (lines[2] ?? '').replace('"n":1', '"n":7');
  t.strictSame(await seen(lines.with(2, edited)), ['3 was changed after it was written']);
  t.strictSame(await seen(lines.toSpliced(2, 1)), ['3 record 2 is missing before it']);
  t.strictSame(await seen(lines.toSpliced(2, 2)), ['3 records 2 to 3 are missing before it']);
  t.strictSame(await seen(lines.with(2, lines[3] ?? '').with(3, lines[2] ?? '')), [
    '3 record 2 is missing before it',
    '4 stands in the wrong place, or is a copy: it is record 2, where 4 belongs',
  ]);
  t.strictSame(await seen(lines.toSpliced(4, 0, lines[2] ?? '')), [
    '5 stands in the wrong place, or is a copy: it is record 2, where 4 belongs',
  ]);
  t.strictSame(await seen(lines.toSpliced(3, 1, 'hello')), ['4 is no audit record']);
  t.strictSame(await seen(lines.toSpliced(0, 1)), [
    '1 is not the first line of a file: what stood before it is missing',
    '4 is a checkpoint of another place',
    '8 is a checkpoint of another place',
    '9 is a checkpoint of another place',
  ]);
});

test('a line that is not whole at the end, while nothing tells of a crash', async (t) => {
  const { file, lines } = await writtenLog(t);
  appendFileSync(file, '{"seq":10');
  t.strictSame((await check(file)).found, [
    `${lines.length + 1} is not whole: the gate was stopped while it wrote, or the end was cut off`,
  ]);
});

test('a file removed from the middle, a file that was copied, the oldest given up', async (t) => {
  const file = auditFile(t);
  for (let run = 0; run < 4; run += 1) {
    const trail = openTrail({ file, now: () => run * 1_000 });
    trail.append('test', { run });
    await trail.close();
  }
  const folder = join(file, '..');
  const [one = '', two = ''] = readdirSync(folder).sort();
  t.strictSame((await check(folder)).found, []);

  copyFileSync(join(folder, one), join(folder, 'copy.jsonl'));
  t.match((await check(folder)).found[0], /^copy.jsonl:1 stands in the wrong place, or is a copy: it is record 0/);
  rmSync(join(folder, 'copy.jsonl'));

  renameSync(join(folder, two), join(folder, 'away'));
  t.match((await check(folder)).found, [/:1 records 3 to 5 are missing before it$/]);
  renameSync(join(folder, 'away'), join(folder, two));

  rmSync(join(folder, one));
  const { found, verdict } = await check(folder);
  t.strictSame(found, []);
  t.equal(verdict.first, 3, 'said, for whoever knows whether that was so meant');
});

test('a key where nothing is signed', async (t) => {
  const { file } = await writtenLog(t);
  t.match((await check(file, { keys: [ed25519.publicKey] })).found, [/^no checkpoint is signed/]);
});

test('a checkpoint that is missing for longer than the log promises', async (t) => {
  const promising = await writtenLog(t, { checkpoints: { records: 3, interval: 60_000 }, records: 2 });
  const { file, lines } = await writtenLog(t, { checkpoints: { records: 100, interval: 60_000 }, records: 8 });
  t.strictSame((await check(file)).found, []);
  // The same log under the other one's promise, by somebody who can make the digests fit.
  const promise = lines.map((line) => JSON.parse(line));
  promise[0].segment = {
    ...promise[0].segment,
    checkpoint_records: JSON.parse(promising.lines[0] ?? '').segment.checkpoint_records,
  };
  rewrite(file, sealedAgain(promise));
  t.strictSame((await check(file)).found, [
    '5 has no checkpoint before it, though one belongs after 3 records',
    '10 is a checkpoint of another place',
  ]);
});

test('runs of a gate that writes to standard output, kept in one file', async (t) => {
  const one = await writtenLog(t);
  const two = await writtenLog(t);
  rewrite(two.file, [...one.lines, ...two.lines]);
  const { found, verdict } = await check(two.file);
  t.strictSame(found, []);
  t.equal(verdict.runs, 2);
});
