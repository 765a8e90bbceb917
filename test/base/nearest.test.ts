// "Did you mean": slips of the finger find the word that was meant, other words find none.

import { test } from 'tap';
import { nearest } from '../../src/base/nearest.ts';

test('the nearest known word, if it is near', (t) => {
  const known = ['model', 'method', 'path', 'operation', 'client_secret_basic'];
  const stories: [string, string | undefined][] = [
    ['modle', 'model'],
    ['Model', 'model'],
    ['metod', 'method'],
    ['opertaion', 'operation'],
    ['client_secret_basics', 'client_secret_basic'],
    ['user', undefined],
    ['', undefined],
    ['x'.repeat(5_000), undefined],
  ];
  for (const [name, expected] of stories) t.equal(nearest(name, known), expected, name.slice(0, 20));
  t.end();
});
