// Attack: to go on after one's own token has ended, with a credential that was obtained while it was valid. Several
// systems cap the cache by `expires_in` alone (AuthBridge; LibreChat#14693 asks for it). Held by the shortest of all lives
// and by looking at the clock on every read.

import { test } from 'tap';
import { refusal, startWorld } from '../support/exchange-world.ts';

test('an hour of credential for a minute of user: over before the minute is', async (t) => {
  const { gate, call, clock, issuer } = await startWorld(t);
  issuer.lifetime = 3_600;
  const { broker } = gate();
  const subject = await issuer.mint('alice', { lifetime: 60 });
  await broker.arm(call({ subject }));

  clock.pass(47);
  t.equal((await broker.arm(call({ subject }))).cache, 'hit');
  t.equal(broker.stats().refreshes, 0, 'a renewal could not live longer');
  clock.pass(13);
  t.equal((await refusal(broker.arm(call({ subject })))).reason, 'subject_token_rejected');
});

test('an issuer that answers with an expired token arms nothing, even where mismatches are only recorded', async (t) => {
  const { gate, call, issuer, clock } = await startWorld(t);
  const { broker } = gate({ routes: [{ verify: 'record' }] });
  issuer.misbehave({ claims: (claims) => ({ ...claims, exp: clock.now() / 1000 }) });
  t.equal((await refusal(broker.arm(call()))).reason, 'issued_token_expired');
  t.equal(broker.stats().entries, 0);
});

test('a slow issuer eats the life of its own token', async (t) => {
  const { gate, call, issuer, clock } = await startWorld(t);
  const { broker } = gate();
  issuer.misbehave({ claims: ({ exp: _, ...claims }) => claims });
  const release = issuer.hold();
  const arming = broker.arm(call());
  await issuer.arrived(1);
  clock.pass(300);
  release();
  t.equal((await refusal(arming)).reason, 'issued_token_expired', 'expires_in counts from when it was asked for');
});
