// The files behind the audit log: begun, set aside, continued after a stop or a crash, and loud when they cannot be written.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readdirSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'tap';
import { auditFile, check, linesOf, openTrail } from '../support/audit-trail.ts';
import { recordingLog } from '../support/log.ts';

const numbers = (file: string) =>
  linesOf(file)
    .filter(({ event }) => event === 'test')
    .map(({ n }) => n);

test('records stand in the file in order, each on its line', async (t) => {
  const file = auditFile(t);
  const trail = openTrail({ file });
  for (let n = 0; n < 2_000; n += 1) trail.append('test', { n });
  await trail.close();
  t.strictSame(
    numbers(file),
    Array.from({ length: 2_000 }, (_, n) => n),
  );
  t.equal(statSync(file).mode & 0o777, 0o600, 'for the owner only');
});

test('flush means written, more than once', async (t) => {
  const file = auditFile(t);
  const trail = openTrail({ file });
  await trail.flush();
  trail.append('test', { n: 1 });
  await trail.flush();
  t.strictSame(numbers(file), [1]);
  trail.append('test', { n: 2 });
  await trail.flush();
  t.strictSame(numbers(file), [1, 2]);
  await trail.close();
});

test('a restart sets the file aside and goes on where it ended', async (t) => {
  const file = auditFile(t);
  const first = openTrail({ file });
  first.append('test', { n: 1 });
  await first.close();
  const ended = linesOf(file);
  const second = openTrail({ file });
  second.append('test', { n: 2 });
  await second.close();

  const [aside] = readdirSync(join(file, '..')).filter((name) => name !== 'audit.jsonl');
  t.match(aside, /^audit\.20261121T120000\.000Z-000000000000\.jsonl$/);
  const [header] = linesOf(file);
  const last = ended.at(-1);
  t.equal(header?.['seq'], Number(last?.['seq']) + 1);
  t.equal(header?.['prev'], last?.['hash']);
  t.match(header, { event: 'postern.audit.segment', segment: { previous: segmentId(ended) } });
  t.strictSame(numbers(file), [2]);
});

test('after a crash in the middle of a line: what was torn is told, and the chain goes on from the last whole line', async (t) => {
  const file = auditFile(t);
  const first = openTrail({ file });
  first.append('test', { n: 1 });
  await first.flush();
  const whole = linesOf(file);
  appendFileSync(file, '{"seq":2,"prev":"');
  const second = openTrail({ file });
  await second.close();
  const [header] = linesOf(file);
  t.match(header, { seq: 2, prev: whole.at(-1)?.['hash'], segment: { torn: { bytes: 17 } } });
  t.equal(setAside(file).length, 1);
  t.ok(readFileSync(setAside(file)[0] ?? '', 'utf8').endsWith('{"seq":2,"prev":"'), 'evidence stays');
  await first.close();
});

test('a crash before the first line was whole, or before there was a file: the last one set aside is followed', async (t) => {
  const file = auditFile(t);
  const first = openTrail({ file });
  await first.close();
  const ended = linesOf(file).at(-1);
  const second = openTrail({ file });
  await second.flush();
  truncateSync(file, 10);
  const third = openTrail({ file });
  await third.close();
  const [header] = linesOf(file);
  t.match(header, { seq: Number(ended?.['seq']) + 1, prev: ended?.['hash'], segment: { torn: { bytes: 10 } } });

  renameSync(file, file.replace('audit.jsonl', 'audit.20261121T120001.000Z-000000000099.jsonl'));
  const fourth = openTrail({ file });
  await fourth.close();
  t.equal(linesOf(file)[0]?.['seq'], Number(header?.['seq']) + 2);

  renameSync(file, file.replace('audit.jsonl', 'audit.20261121T120002.000Z-000000000100.jsonl'));
  writeFileSync(file, '');
  const fifth = openTrail({ file });
  await fifth.close();
  t.equal(linesOf(file)[0]?.['seq'], Number(header?.['seq']) + 4);
  await second.close();
});

test('a file of something else is left alone, and stops the start', (t) => {
  const file = auditFile(t);
  writeFileSync(file, 'my notes\n');
  t.throws(() => openTrail({ file }), { message: /holds something else/ });
  t.equal(readFileSync(file, 'utf8'), 'my notes\n');
  t.throws(() => openTrail({ file: join(file, '..') }), { code: 'EISDIR' });
  t.end();
});

test('rotation by size and by age: no line is lost, and each file says what it follows', async (t) => {
  const file = auditFile(t);
  let now = 0;
  const trail = openTrail({ file, rotation: { size: 4_096, age: 60_000 }, now: () => now });
  for (let n = 0; n < 50; n += 1) trail.append('test', { n, pad: 'x'.repeat(200) });
  const bySize = setAside(file).length;
  t.ok(bySize >= 3, `${bySize} files`);
  now = 60_000;
  trail.append('test', { n: 50 });
  t.equal(setAside(file).length, bySize + 1);
  await trail.close();

  const files = [...setAside(file), file];
  t.strictSame(
    files.flatMap(numbers),
    Array.from({ length: 51 }, (_, n) => n),
  );
  const all = files.flatMap(linesOf);
  t.strictSame(
    all.map(({ seq }) => seq),
    all.map((_, index) => index),
  );
  for (const lines of files.slice(0, -1).map(linesOf)) t.match(lines.at(-1), { checkpoint: { reason: 'rotated' } });
});

test('two gates on one file: the first goes on in its own, loses nothing, and touches nothing of the second', async (t) => {
  const file = auditFile(t);
  const log = recordingLog();
  let now = 0;
  const first = openTrail({ file, log, rotation: { size: 4_096, age: 60_000 }, now: () => now });
  first.append('test', { n: 1 });
  await first.flush();
  const second = openTrail({ file });
  second.append('test', { n: 100 });
  now = 60_000;
  first.append('test', { n: 2 });
  await Promise.all([first.close(), second.close()]);
  t.strictSame(setAside(file).flatMap(numbers), [1, 2]);
  t.strictSame(numbers(file), [100]);
  const { found } = await check(join(file, '..'));
  t.match(found[0], /^audit.jsonl:1 stands in the wrong place, or is a copy/, 'and verify tells of it');
  t.match(
    log.lines.filter(({ level }) => level === 'error'),
    [{ facts: { err: { message: /belongs to another process/ } } }],
  );
});

test('a full disk: told once, nothing thrown at the call, and the flush fails', async (t) => {
  const log = recordingLog();
  const trail = openTrail({ file: '/dev/full', log });
  t.doesNotThrow(() => trail.append('test', { n: 1 }));
  await t.rejects(trail.flush(), { code: 'ENOSPC' });
  t.match(trail.obstacle(), { code: 'ENOSPC' });
  trail.append('test', { n: 2 });
  await t.rejects(trail.flush(), { code: 'ENOSPC' });
  t.equal(log.lines.filter((line) => line.level === 'error').length, 1);
  t.ok(statSync('/dev/full').isCharacterDevice(), 'a device is never set aside');
});

test('what waits for a stuck disk is bounded: a record beyond it is lost, and counted', async (t) => {
  const trail = openTrail({ file: '/dev/full' });
  const pad = 'x'.repeat(1_048_000);
  for (let n = 0; n < 16; n += 1) t.ok(trail.append('test', { pad }));
  t.notOk(trail.append('test', { pad }));
  await t.rejects(trail.close(), { code: 'ENOSPC' });
});

test('a disk whose sync fails: the next record begins another file', async (t) => {
  const file = auditFile(t);
  let broken = true;
  const sync = () => (broken ? Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' })) : Promise.resolve());
  let now = 0;
  const trail = openTrail({ file, sync, now: () => now });
  trail.append('test', { n: 1 });
  await t.rejects(trail.flush(), { code: 'EIO' });
  broken = false;
  now = 2_000;
  trail.append('test', { n: 2 });
  await trail.flush();
  t.equal(trail.obstacle(), undefined);
  t.strictSame(numbers(file), [2]);
  t.strictSame(setAside(file).flatMap(numbers), [1]);
  await trail.close();
});

test('a process that exits without closing still writes what it has, in order', async (t) => {
  const file = auditFile(t);
  const program = `
    const { openTrail } = await import(${JSON.stringify(join(import.meta.dirname, '../support/audit-trail.ts'))});
    const trail = openTrail({ file: ${JSON.stringify(file)} });
    for (let n = 0; n < 100; n += 1) trail.append('test', { n });
    process.exit(0);`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  t.strictSame(
    numbers(file),
    Array.from({ length: 100 }, (_, n) => n),
  );
});

test('a process that is killed while it writes: the next one goes on, and the log is whole', async (t) => {
  const file = auditFile(t);
  const program = `
    const { openTrail } = await import(${JSON.stringify(join(import.meta.dirname, '../support/audit-trail.ts'))});
    const trail = openTrail({ file: ${JSON.stringify(file)}, rotation: { size: 400_000, age: 60_000 } });
    for (let n = 0; ; n += 1) {
      for (let m = 0; m < 500; m += 1) trail.append('test', { n, m, pad: 'x'.repeat(500) });
      if (n === 5) process.stdout.write('going');
      await trail.flush();
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
  t.teardown(() => child.kill('SIGKILL'));
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await closed;
  const later = openTrail({ file });
  later.append('test', { n: -1 });
  await later.close();
  const { found, verdict } = await check(join(file, '..'));
  t.strictSame(found, []);
  t.ok(verdict.lines > 2_500 && verdict.files > 2 && verdict.closed);
});

test('standard output takes records too', async (t) => {
  const program = `
    const { openTrail } = await import(${JSON.stringify(join(import.meta.dirname, '../support/audit-trail.ts'))});
    const trail = openTrail({});
    for (let n = 0; n < 5000; n += 1) trail.append('test', { n, pad: 'x'.repeat(100) });
    await trail.close();`;
  const options = { maxBuffer: 8 * 1_048_576 };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], options);
  const lines = stdout.trimEnd().split('\n');
  t.match(JSON.parse(lines[0] ?? '{}'), { seq: 0, prev: '', event: 'postern.audit.segment' });
  t.equal(lines.filter((line) => line.includes('"event":"test"')).length, 5_000);
  t.match(JSON.parse(lines.at(-1) ?? '{}'), { checkpoint: { reason: 'closed' } });
});

function setAside(file: string): string[] {
  const folder = join(file, '..');
  return readdirSync(folder)
    .filter((name) => name !== 'audit.jsonl')
    .sort()
    .map((name) => join(folder, name));
}

function segmentId(lines: ReturnType<typeof linesOf>): unknown {
  const [header] = lines;
  const segment: unknown = header?.['segment'];
  return typeof segment === 'object' && segment !== null && 'id' in segment ? segment.id : undefined;
}
