// What is put on a call to the agent in place of the token, and what is told of it.

import { test } from 'tap';
import { createHandOver } from '../../src/identity/hand-over.ts';
import { createHandles } from '../../src/identity/handle.ts';
import { permittedCall, unverified } from '../support/exchange-call.ts';
import { start } from '../support/identity-issuer.ts';
import { clockAt } from '../support/identity-world.ts';

const alice = unverified('alice', { expiresAt: start / 1_000 + 600 });

function handOverHere(ttlMs = 3_600_000) {
  const clock = clockAt(start);
  const handles = createHandles(clock);
  const handOver = createHandOver({ handles, ttlMs, clock });
  const given = (headers: readonly string[] = [], subject = alice) =>
    handOver(permittedCall({ subject, changes: { headers } }));
  return { handles, given };
}

test('a handle as bearer, and nothing of the token', async (t) => {
  const { handles, given } = handOverHere();
  const { credential, cache } = await given();
  t.strictSame(credential.placement, { kind: 'header', name: 'authorization', prefix: 'Bearer ' });
  t.equal(credential.secret && handles.redeem(credential.secret), alice);
  t.equal(cache, 'bypass');
  t.match(credential.facts, { kind: 'handle', grant: 'handle', expiresAt: start / 1_000 + 600, lifetime: 600 });
  t.equal(credential.facts.fingerprint, credential.secret?.fingerprint);
  t.notMatch(JSON.stringify(credential), /psh_/, 'told by fingerprint only');
});

test('its life is cut to what the configuration says', async (t) => {
  const { credential } = await handOverHere(60_000).given();
  t.match(credential.facts, { lifetime: 60, expiresAt: start / 1_000 + 60 });
});

test('the session is the one the caller names, if it names one', async (t) => {
  const { given } = handOverHere();
  const refreshed = unverified('alice', {
    ...alice,
    token: unverified('refreshed').token,
    expiresAt: start / 1_000 + 900,
  });
  const handleOf = async (...args: Parameters<typeof given>) => (await given(...args)).credential.secret?.reveal();
  const first = await handleOf(['Mcp-Session-Id', 's1']);
  t.equal(await handleOf(['mcp-session-id', 's1'], refreshed), first);

  const other = unverified('alice', { ...alice, token: unverified('other').token });
  t.not(await handleOf(['mcp-session-id', 's1', 'mcp-session-id', 's1'], other), first, 'two of them are none');
  t.not(await handleOf(['mcp-session-id', 's'.repeat(4_096)], other), first);
});
