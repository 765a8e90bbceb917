// Attack: a configuration that is small on disk and enormous in memory ("billion laughs"), or nested until the stack ends.
// Whoever can write one line of a generated configuration must not be able to take the gate down on its next reload.

import { test } from 'tap';
import { problemsIn, validConfig } from '../support/config-world.ts';

test('anchors that multiply are refused, a few repeated parts are not', async (t) => {
  const levels = Array.from({ length: 12 }, (_, level) => {
    const refs = Array.from({ length: 9 }, () => `*a${level}`).join(', ');
    return `a${level + 1}: &a${level + 1} [${refs}]`;
  });
  const bomb = ['version: 1', 'a0: &a0 [x, x, x]', ...levels].join('\n');
  t.strictSame(await problemsIn(bomb), ['1:1  repeats anchors too often; write the parts out']);

  const shared = `${validConfig.replace('allow:', 'allow: &rules')}  - preset: other\n    exchange: corp\n    allow: *rules\n    scops: []\n`;
  t.match(await problemsIn(shared), [/routes\[1\]\.scops {2}is not an option; did you mean scopes\?/]);
});

test('nesting without end is refused', async (t) => {
  const [problem] = await problemsIn(`version: 1\nlisten: ${'['.repeat(100_000)}`);
  t.match(problem, /is not readable as YAML/);
});
