// What is remembered with an object is of this object alone: not of its copies, and not to be seen on it.

import { inspect } from 'node:util';
import { test } from 'tap';
import { createRemembered } from '../../src/base/remembered.ts';

interface Token {
  readonly sub: string;
}

test('of the object itself, the last that was told', (t) => {
  const names = createRemembered<Token, string>('name');
  const token = { sub: 'alice' };
  t.equal(names.get(token), undefined);
  names.set(token, 'one');
  names.set(token, 'two');
  t.equal(names.get(token), 'two');
  t.end();
});

test('a copy remembers nothing: it may be changed into something else', (t) => {
  const names = createRemembered<Token, string>('name');
  const token = { sub: 'alice' };
  names.set(token, 'of alice');
  const { ...rest } = token;
  for (const copy of [{ ...token }, Object.assign({}, token), structuredClone(token), rest]) {
    t.equal(names.get(copy), undefined);
  }
  t.end();
});

test('it is not printed, listed or compared', (t) => {
  const names = createRemembered<Token, string>('name');
  const token = { sub: 'alice' };
  names.set(token, 'of alice');
  t.equal(JSON.stringify(token), '{"sub":"alice"}');
  t.notMatch(inspect(token), 'of alice');
  t.strictSame(token, { sub: 'alice' });
  t.end();
});

test('two that remember of one object know nothing of each other', (t) => {
  const [one, other] = [createRemembered<Token, string>('same'), createRemembered<Token, string>('same')];
  const token = { sub: 'alice' };
  one.set(token, 'one');
  t.equal(other.get(token), undefined);
  t.end();
});
