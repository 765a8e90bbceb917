// A hint that the configuration may have changed, given by the folder it is in: in-place writes, replaced files, swapped
// links, and never kept away by other files that change all the time.

import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { watchFiles } from '../../src/wiring/watch.ts';

/** Written one after the other these take far longer than the hint may. */
const manyLines = 50_000;

function watching(t: Test, file: string): Promise<void> {
  return new Promise((resolve) => {
    const watch = watchFiles([file], resolve);
    t.teardown(() => watch.close());
    // The watch itself must not keep a process alive; here the test does.
    const alive = setInterval(() => {}, 1_000);
    t.teardown(() => clearInterval(alive));
  });
}

test('a write in place is noticed', async (t) => {
  const file = join(t.testdir({ 'postern.yaml': 'a' }), 'postern.yaml');
  const noticed = watching(t, file);
  writeFileSync(file, 'b');
  await noticed;
  t.pass();
});

test('a file renamed over it is noticed', async (t) => {
  const folder = t.testdir({ 'postern.yaml': 'a', next: 'b' });
  const file = join(folder, 'postern.yaml');
  const noticed = watching(t, file);
  renameSync(join(folder, 'next'), file);
  await noticed;
  t.pass();
});

test('a link swapped as Kubernetes swaps its mounts is noticed', async (t) => {
  const folder = t.testdir({});
  for (const generation of ['..one', '..two']) {
    mkdirSync(join(folder, generation));
    writeFileSync(join(folder, generation, 'postern.yaml'), generation);
  }
  symlinkSync('..one', join(folder, '..data'));
  symlinkSync('..data/postern.yaml', join(folder, 'postern.yaml'));
  const noticed = watching(t, join(folder, 'postern.yaml'));
  symlinkSync('..two', join(folder, '..next'));
  renameSync(join(folder, '..next'), join(folder, '..data'));
  await noticed;
  t.pass();
});

test('a log that is written in the same folder all the time does not keep the hint away', async (t) => {
  const folder = t.testdir({ 'postern.yaml': 'a' });
  const file = join(folder, 'postern.yaml');
  let told = false;
  void watching(t, file).then(() => {
    told = true;
  });
  writeFileSync(file, 'b');
  for (let line = 0; !told && line < manyLines; line += 1) {
    writeFileSync(join(folder, 'audit.jsonl'), `${line}\n`);
    await new Promise(setImmediate);
  }
  t.ok(told);
});

test('after close nothing is told any more', async (t) => {
  const file = join(t.testdir({ 'postern.yaml': 'a' }), 'postern.yaml');
  const watch = watchFiles([file], () => t.fail('told after close'));
  writeFileSync(file, 'b');
  watch.close();
  const noticed = watching(t, file);
  writeFileSync(file, 'c');
  await noticed;
  t.pass();
});

test('a folder that is not there is no failure: SIGHUP still reloads', (t) => {
  const watch = watchFiles(['/nowhere/at/all/postern.yaml'], () => {});
  watch.close();
  t.end();
});
