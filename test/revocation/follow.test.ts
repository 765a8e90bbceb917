// A list that is followed: what comes is taken, and nothing that happens to the file ends a revocation.

import { renameSync, writeFileSync } from 'node:fs';
import { type Test, test } from 'tap';
import { createFollower } from '../../src/revocation/follow.ts';
import { createRegistry } from '../../src/revocation/registry.ts';
import { recordingLog } from '../support/log.ts';
import { idp, linesOf, plannerCall, testList } from '../support/revocation-lists.ts';

const aliceLine = { id: 'a', subject: { iss: idp, sub: 'alice' } };

function followed(t: Test, text = '') {
  const list = testList(t, text);
  const registry = createRegistry({ now: () => 0 });
  const log = recordingLog();
  const tell = { revoked: () => {}, lifted: () => {} };
  const follower = createFollower({ file: list.file, registry, tell, log });
  const refused = () => registry.refusalOf(plannerCall())?.reason;
  return { ...list, registry, follower, log, refused };
}

test('what is appended is in force once it was looked for', async (t) => {
  const { append, follower, refused } = followed(t);
  await follower.refresh();
  t.match(follower.status(), { problems: [], problemCount: 0 });
  t.equal(refused(), undefined);
  await append(aliceLine);
  await follower.look();
  t.equal(refused(), 'subject_revoked');
  await append({ lift: 'a' });
  await follower.look();
  t.equal(refused(), undefined);
});

test('a broken line: the others are in force, and it is told until it is mended', async (t) => {
  const { write, follower, log, refused } = followed(t, `{"id":"b","subj\n${linesOf(aliceLine)}`);
  await follower.refresh();
  t.equal(refused(), 'subject_revoked');
  t.match(follower.status(), { problems: [{ line: 1 }], problemCount: 1 });
  await follower.refresh();
  t.equal(log.lines.filter(({ level }) => level === 'error').length, 1, 'told once, not at every look');
  write(linesOf(aliceLine));
  await follower.look();
  t.match(follower.status(), { problemCount: 0 });
  t.match(log.lines.at(-1), { level: 'info', message: /read/ });
});

test('a line that breaks while the gate runs takes nothing back', async (t) => {
  const { write, follower, refused } = followed(t, linesOf(aliceLine));
  await follower.refresh();
  write('{"id":"a","subject":{"iss":"https://idp.exam');
  await follower.look();
  t.equal(refused(), 'subject_revoked');
  t.match(follower.status(), { problems: [{ line: 1 }, { what: /1 entries are not in the file/ }] });
});

test('a list that is emptied lifts nothing, and says so', async (t) => {
  const { write, follower, refused } = followed(t, linesOf(aliceLine));
  await follower.refresh();
  write('');
  await follower.look();
  t.equal(refused(), 'subject_revoked');
  t.match(follower.status().problems, [{ what: /stay in force until they are lifted/ }]);
});

test('a list that vanishes lifts nothing, and is taken again when it is back', async (t) => {
  const { file, append, follower, refused } = followed(t, linesOf(aliceLine));
  await follower.refresh();
  renameSync(file, `${file}.away`);
  await follower.look();
  t.equal(refused(), 'subject_revoked');
  t.match(follower.status(), { problems: [{ what: /cannot be read \(ENOENT\); what was known stays/ }] });
  renameSync(`${file}.away`, file);
  await append({ lift: 'a' });
  await follower.look();
  t.equal(refused(), undefined);
  t.equal(follower.status().problemCount, 0);
});

test('a list replaced by another file is taken, as mounts and editors replace one', async (t) => {
  const { file, follower, refused } = followed(t);
  await follower.refresh();
  writeFileSync(`${file}.next`, linesOf(aliceLine));
  renameSync(`${file}.next`, file);
  await follower.look();
  t.equal(refused(), 'subject_revoked');
});

test('whoever asks while it is read gets what is there now, not what was', async (t) => {
  const { append, follower, refused } = followed(t);
  const first = follower.refresh();
  await append(aliceLine);
  await Promise.all([first, follower.refresh(), follower.refresh()]);
  t.equal(refused(), 'subject_revoked');
});
