// What every call looks up: never more of it than was said, what is used stays, and nothing comes back that was deleted.

import fc from 'fast-check';
import { test } from 'tap';
import { createRecent } from '../../src/base/recent.ts';

function world(most: number) {
  const left: string[] = [];
  const recent = createRecent<{ used: boolean; readonly weight: number }>({
    most,
    weigh: ({ weight }) => weight,
    gone: (_value, key) => left.push(key),
  });
  const add = (key: string, weight = 1) => recent.set(key, { used: false, weight });
  const keys = () => [...recent.entries()].map(([key]) => key).join('');
  return { recent, add, keys, left };
}

test('what was used since it was last gone by stays, the others go in the order they came', (t) => {
  const { recent, add, keys, left } = world(3);
  for (const key of 'abc') add(key);
  recent.get('a');
  add('d');
  t.equal(keys(), 'cad', 'a was used, b is the first that was not');
  add('e');
  t.equal(keys(), 'ade');
  add('f');
  t.equal(keys(), 'def', 'a was not used again');
  t.strictSame(left, ['b', 'c', 'a']);
  t.end();
});

test('where all are used the newest still comes in, and an old one goes', (t) => {
  const { recent, add, keys } = world(3);
  for (const key of 'abc') add(key);
  for (const key of 'abc') recent.get(key);
  add('d');
  t.equal(keys(), 'bcd');
  t.end();
});

test('where very many are used, not all of them are gone by for one that comes', (t) => {
  const { recent, add, left } = world(1_000);
  for (let i = 0; i < 1_000; i += 1) add(`k${i}`);
  for (let i = 0; i < 1_000; i += 1) recent.get(`k${i}`);
  add('a');
  add('b');
  t.strictSame(left, ['k64', 'k129']);
  t.equal(recent.size, 1_000);
  t.end();
});

test('what comes anew does not go before what is not used any more', (t) => {
  const { recent, add, keys } = world(3);
  for (const key of 'abc') add(key);
  for (const key of 'abc') recent.get(key);
  for (const key of 'def') add(key);
  t.equal(keys(), 'def');
  t.end();
});

test('to look without using does not keep it', (t) => {
  const { recent, add, keys } = world(2);
  for (const key of 'ab') add(key);
  recent.peek('a');
  add('c');
  t.equal(keys(), 'bc');
  t.end();
});

test('by weight: several go for a heavy one, and one heavier than all may weigh is not taken', (t) => {
  const { recent, add, keys } = world(10);
  for (const key of 'abcde') add(key, 2);
  add('f', 7);
  t.equal(keys(), 'ef');
  add('g', 11);
  t.equal(recent.get('g'), undefined);
  t.equal(keys(), 'ef');
  t.end();
});

test('replaced, deleted, cleared: each is told once, and its weight is given back', (t) => {
  const { recent, add, keys, left } = world(2);
  add('a', 2);
  add('a', 1);
  add('b', 1);
  t.equal(keys(), 'ab');
  recent.delete('a');
  recent.delete('a');
  recent.clear();
  t.equal(recent.size, 0);
  t.strictSame(left, ['a', 'a', 'b']);
  add('c', 2);
  t.equal(keys(), 'c');
  t.end();
});

test('whatever is done in whatever order: never more than was said, and each that came is there or was told', (t) => {
  const step = fc.tuple(fc.constantFrom('set', 'get', 'delete', 'clear'), fc.constantFrom(...'abcdefgh'), fc.nat(5));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { recent, add, left } = world(8);
      const came: string[] = [];
      for (const [what, key, weight] of steps) {
        if (what === 'set') {
          add(key, weight + 1);
          came.push(key);
        } else if (what === 'get') recent.get(key);
        else if (what === 'delete') recent.delete(key);
        else if (came.length % 7 === 0) recent.clear();
        const all = [...recent.entries()];
        if (all.reduce((sum, [, value]) => sum + value.weight, 0) > 8) return false;
        if (what === 'set' && recent.peek(key)?.weight !== weight + 1) return false;
        if (all.length + left.length !== came.length) return false;
      }
      return true;
    }),
    { seed: 1, numRuns: 500 },
  );
  t.end();
});
