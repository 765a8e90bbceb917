// The one pattern function of the policy language, against what a regular expression says of the same pattern.

import fc from 'fast-check';
import { test } from 'tap';
import { like } from '../../src/policy/like.ts';

test('* stands for any run of characters, everything else for itself', (t) => {
  const stories: [string, string, boolean][] = [
    ['gpt-5-mini', 'gpt-*', true],
    ['gpt-5-mini', 'gpt-5', false],
    ['gpt-5', 'gpt-5', true],
    ['', '', true],
    ['', '*', true],
    ['/v1/files/7/content', '/v1/*/content', true],
    ['/v1/files/7/contents', '/v1/*/content', false],
    ['ab', 'ab*ab', false],
    ['abab', 'ab*ab', true],
    ['a.c', 'a?c', false],
    ['aXbXc', '*X*X*', true],
    ['aXb', '*X*X*', false],
  ];
  for (const [text, pattern, expected] of stories) t.equal(like(text, pattern), expected, `${text} like ${pattern}`);
  t.end();
});

test('agrees with the regular expression it replaces', (t) => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 });
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 });
  fc.assert(
    fc.property(letters, pattern, (text, written) => {
      return like(text, written) === new RegExp(`^${written.replaceAll('*', '.*')}$`).test(text);
    }),
    { seed: 1, numRuns: 500 },
  );
  t.end();
});
