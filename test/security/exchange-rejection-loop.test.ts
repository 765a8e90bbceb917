// Attack: a caller whose upstream (or a path of it) answers 401 to everything keeps calling: each rejection would drop the shared
// credential and make an exchange, a load on the issuer and an outage for everybody who shares that credential.
// Held by: a credential issued a moment ago is neither dropped nor asked for again; an older one is replaced, never just lost.

import { test } from 'tap';
import { refusal, startWorld } from '../support/exchange-world.ts';

test('thirty rejections of a fresh credential are one exchange', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker } = gate();
  for (let n = 0; n < 30; n += 1) {
    const armed = await broker.arm(call());
    t.equal((await refusal(broker.rearm(armed))).reason, 'upstream_rejected_credential');
  }
  t.equal(issuer.received.length, 1);
  t.equal((await broker.arm(call())).cache, 'hit', 'others still have it');
});

test('an older credential is replaced once, and then rests again', async (t) => {
  const { gate, call, issuer, clock } = await startWorld(t);
  const { broker } = gate();
  const first = await broker.arm(call());
  clock.pass(9.999);
  t.equal((await refusal(broker.rearm(first))).reason, 'upstream_rejected_credential');
  clock.pass(0.001);
  const second = await broker.rearm(first);
  t.not(second.credential.facts.fingerprint, first.credential.facts.fingerprint);
  t.equal((await refusal(broker.rearm(second))).reason, 'upstream_rejected_credential');
  t.equal(issuer.received.length, 2);
});
