// The list on disk: each line is added in one write, to whatever is there.

import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { appendLine, fileState, maxListBytes, readList } from '../../src/revocation/list-file.ts';
import { createReadList } from '../../src/revocation/reading.ts';
import { rejection } from '../support/rejection.ts';
import { testList } from '../support/revocation-lists.ts';

test('a list that is not there is made, for its owner and group alone', async (t) => {
  const file = join(t.testdir({}), 'new.jsonl');
  await appendLine(file, { route: 'openai' });
  t.equal(readFileSync(file, 'utf8'), '{"route":"openai"}\n');
  t.equal(statSync(file).mode & 0o007, 0);
});

test('a last line without its line break keeps being a line of its own', async (t) => {
  const list = testList(t, '{"route":"a"}');
  await list.append({ route: 'b' });
  await list.append({ route: 'c' });
  t.equal(readFileSync(list.file, 'utf8'), '{"route":"a"}\n{"route":"b"}\n{"route":"c"}\n');
});

test('many at once: no line is lost, none is mixed with another', async (t) => {
  const list = testList(t);
  await Promise.all(Array.from({ length: 50 }, (_, index) => list.append({ route: `r${index}` })));
  const { inForce, problemCount } = await createReadList()(await readList(list.file));
  t.equal(inForce.size, 50);
  t.equal(problemCount, 0);
});

test('what is too long is not written', async (t) => {
  const list = testList(t);
  t.match(await rejection(list.append({ route: 'x'.repeat(10_000) })), /longer than/);
  t.equal(readFileSync(list.file, 'utf8'), '');
  truncateSync(list.file, maxListBytes);
  t.match(await rejection(list.append({ route: 'x' })), /full/);
  truncateSync(list.file, maxListBytes + 1);
  t.match(await rejection(readList(list.file)), { code: 'EFBIG' });
  t.match(await rejection(readList(`${list.file}.gone`)), { code: 'ENOENT' });
});

test('a file that changed looks different, one that did not does not', async (t) => {
  const list = testList(t);
  const before = await fileState(list.file);
  t.equal(await fileState(list.file), before);
  await list.append({ route: 'x' });
  t.not(await fileState(list.file), before);
  t.equal(await fileState(`${list.file}.gone`), undefined);
  writeFileSync(list.file, '');
  t.not(await fileState(list.file), undefined);
});

test('what is no file is told at once: a pipe would hold up whoever opens it, for ever', async (t) => {
  const pipe = join(t.testdir({}), 'revoked.jsonl');
  execFileSync('mkfifo', [pipe]);
  t.match(await rejection(readList(pipe)), { code: 'ENOTFILE' });
  t.match(await rejection(appendLine(pipe, { route: 'openai' })), { code: 'ENOTFILE' });
  t.equal(await fileState(pipe), undefined);
  t.match(await rejection(appendLine('/dev/null', { route: 'openai' })), { code: 'ENOTFILE' }, 'nor is anything lost');
});
