// What presets say about short-lived credentials, held against what the gate can do.

import { test } from 'tap';
import * as grants from '../../src/exchange/grants/index.ts';
import { presets } from '../support/routing-world.ts';

const known = new Set<string>(Object.values(grants).map(({ type }) => type));

test('every grant a preset names is one', (t) => {
  for (const { preset, grants: named } of presets.values()) {
    t.strictSame(
      named.filter((grant) => !known.has(grant)),
      [],
      preset,
    );
  }
  t.end();
});

test('an API that takes static keys only has no other grant', (t) => {
  const only = [...presets.values()].filter(({ federation }) => /^Static (?:key|token) only/.test(federation));
  t.ok(only.length > 10);
  for (const { preset, grants: named } of only) {
    if (!named.includes('token_exchange')) t.strictSame(named, ['static_secret'], preset);
  }
  t.end();
});
