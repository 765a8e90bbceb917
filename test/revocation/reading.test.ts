// A list as a whole: lines in order, later ones lift earlier ones, broken ones change nothing and are told.

import { test } from 'tap';
import { createReadList, maxEntries } from '../../src/revocation/reading.ts';
import { idp, linesOf, readingOf } from '../support/revocation-lists.ts';

const alice = { subject: { iss: idp, sub: 'alice' } };

test('entries in force, by id', async (t) => {
  const { inForce, problemCount } = await readingOf({ id: 'a', ...alice }, { id: 'b', route: 'openai' });
  t.strictSame([...inForce.keys()], ['a', 'b']);
  t.equal(problemCount, 0);
});

test('a lifting line ends the entry before it, not one that comes after', async (t) => {
  const lifted = await readingOf({ id: 'a', ...alice }, { lift: 'a' });
  t.strictSame([[...lifted.inForce.keys()], [...lifted.lifted]], [[], ['a']]);
  const again = await readingOf({ id: 'a', ...alice }, { lift: 'a' }, { id: 'a', ...alice });
  t.strictSame([[...again.inForce.keys()], [...again.lifted]], [['a'], []]);
});

test('a broken line is told with its number, and all others count', async (t) => {
  const text = `${linesOf({ id: 'a', ...alice })}{"id":"b","subj\n\n${linesOf({ id: 'c', route: 'openai' })}`;
  const { inForce, problems } = await createReadList()(text);
  t.strictSame([...inForce.keys()], ['a', 'c']);
  t.match(problems, [{ line: 2, what: /no JSON object/ }]);
});

test('the last line counts without its line break, and Windows breaks are breaks', async (t) => {
  const { inForce, problemCount } = await createReadList()('{"id":"a","route":"x"}\r\n{"id":"b","route":"y"}');
  t.strictSame([...inForce.keys()], ['a', 'b']);
  t.equal(problemCount, 0);
});

test('of many problems the first are told, and how many there are', async (t) => {
  const { problems, problemCount } = await createReadList()('{}\n'.repeat(1_000));
  t.equal(problems.length, 20);
  t.equal(problemCount, 1_000);
});

test('a list has an end: what is beyond is told, what is within is in force', async (t) => {
  const one = (id: number) => `{"id":"r${id}","token":"t${id}"}\n`;
  const text = Array.from({ length: maxEntries }, (_, id) => one(id)).join('');
  const read = createReadList();
  const whole = await read(text);
  t.equal(whole.inForce.size, maxEntries);
  t.equal(whole.problemCount, 0);
  const beyond = await read(text + one(maxEntries));
  t.equal(beyond.inForce.size, maxEntries);
  t.match(beyond.problems, [{ line: maxEntries + 1, what: /more than 100000 entries/ }]);
  t.equal(beyond.inForce.get('r5'), whole.inForce.get('r5'), 'lines that were read before are not read again');
});

test('an id that another line has already: both are in force, and it is told', async (t) => {
  const twice = [
    { id: 'incident-42', ...alice },
    { id: 'incident-42', subject: { iss: idp, sub: 'bob' } },
  ] as const;
  const { inForce, problems } = await readingOf(...twice);
  t.match([...inForce.values()], [{ party: { sub: 'alice' } }, { party: { sub: 'bob' } }]);
  t.match(problems, [{ line: 2, what: /has the id of an earlier line/ }]);
  const lifted = await readingOf(...twice, { lift: 'incident-42' });
  t.match([...lifted.inForce.values()], [{ party: { sub: 'bob' } }], 'the one that has the id');
  const same = await readingOf(twice[0], twice[0]);
  t.strictSame([same.inForce.size, same.problemCount], [1, 0], 'the same line again says nothing new');
  const after = await readingOf(twice[0], { lift: 'incident-42' }, twice[1]);
  t.strictSame([[...after.inForce.keys()], after.problemCount], [['incident-42'], 0], 'a lifted one leaves its id');
});
