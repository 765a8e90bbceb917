// The chain under attack: every fact of it holds, and what is printed for machines opens nothing.

import { test } from 'tap';
import { run } from '../support/e2e-command.ts';

interface Printed {
  readonly checks: readonly { readonly fact: string; readonly holds: boolean }[];
  readonly attacks: readonly { readonly expected: string; readonly record?: { readonly reason?: string } }[];
}

test('every attack on the chain is refused, with its reason', async (t) => {
  const { code, stdout } = await run(t, ['demo', '--scenario', 'chain', '--json']);
  const { checks, attacks }: Printed = JSON.parse(stdout);
  t.strictSame(
    checks.filter(({ holds }) => !holds),
    [],
  );
  t.equal(code, 0);
  t.ok(checks.length >= 20);
  t.strictSame(
    attacks.map(({ record }) => record?.reason),
    attacks.map(({ expected }) => expected),
  );
  t.ok(attacks.length >= 9);
  t.notMatch(stdout, /eyJ[\w-]{20,}/, 'no token is printed');
  t.notMatch(stdout, /psh_[\w-]{20,}/, 'and no handle');
});

test('a scenario there is not', async (t) => {
  const { code, stderr } = await run(t, ['demo', '--scenario', 'heist']);
  t.equal(code, 2);
  t.match(stderr, /there is no scenario "heist"; there are: hops, chain, federation/);
});
