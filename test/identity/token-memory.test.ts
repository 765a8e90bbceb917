// Tokens that were verified are found again by all of their text, until they end, and so many of them.

import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { createTokenMemory } from '../../src/identity/token-memory.ts';
import type { VerifiedToken } from '../../src/principal.ts';

function world() {
  let now = 1_800_000_000_000;
  const memory = createTokenMemory({ now: () => now });
  const keep = (text: string, ms = 60_000) => memory.keep(text, verified(text), now + ms);
  return { memory, keep, pass: (ms: number) => (now += ms) };
}

function verified(text: string): VerifiedToken {
  return {
    token: new Secret(text),
    principal: { kind: 'user', iss: 'https://idp', sub: text.slice(0, 20), claims: {} },
    ...{ actors: [], audiences: [], scopes: undefined, mayAct: undefined, expiresAt: 2_000_000_000 },
    ...{ jti: undefined, txn: undefined, trust: 'corp' },
  };
}

const signature = 's'.repeat(86);

test('a token with the end of another is another token', (t) => {
  const { memory, keep } = world();
  keep(`header.alice.${signature}`);
  t.equal(memory.recall(`header.alice.${signature}`)?.principal.sub, `header.alice.${signature}`.slice(0, 20));
  t.equal(memory.recall(`header.admin.${signature}`), undefined, 'as long, and the same at its end');
  t.equal(memory.recall(signature.slice(-43)), undefined);
  t.end();
});

test('until it ends, and no longer', (t) => {
  const { memory, keep, pass } = world();
  keep('a.b.c', 1_000);
  pass(999);
  t.ok(memory.recall('a.b.c'));
  pass(1);
  t.equal(memory.recall('a.b.c'), undefined);
  t.end();
});

test('sixteen thousand, of which those in use stay', (t) => {
  const { memory, keep } = world();
  const name = (n: number) => `header.user.${String(n).padStart(60, '0')}`;
  for (let n = 0; n < 16_384; n += 1) keep(name(n));
  t.ok(memory.recall(name(0)));
  keep(name(16_384));
  t.ok(memory.recall(name(0)), 'was used');
  t.equal(memory.recall(name(1)), undefined, 'was not');
  t.ok(memory.recall(name(16_384)));
  t.end();
});
