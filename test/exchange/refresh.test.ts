// Refresh ahead, and what an issuer that is down does to calls with and without a credential that still holds.

import { test } from 'tap';
import { oauthError } from '../support/exchange-issuer.ts';
import { refusal, startWorld } from '../support/exchange-world.ts';

// A token of 300 s is used for 270 s and renewed from 216 s on.

test('a call in the last fifth is served at once and starts one renewal', async (t) => {
  const { gate, call, clock, issuer } = await startWorld(t);
  const { broker } = gate();
  const old = await broker.arm(call());
  clock.pass(215);
  await broker.arm(call());
  t.equal(issuer.received.length, 1, 'not due yet');

  clock.pass(1);
  const release = issuer.hold();
  const served = await Promise.all([broker.arm(call()), broker.arm(call()), broker.arm(call())]);
  t.ok(served.every(({ cache, credential }) => cache === 'hit' && credential.secret === old.credential.secret));
  await issuer.arrived(2);
  release();
  await landed(broker);

  const renewed = await broker.arm(call());
  t.not(renewed.credential.secret, old.credential.secret);
  t.equal(renewed.cache, 'hit');
  t.equal(issuer.received.length, 2);
  t.match(broker.stats(), { refreshes: 1, hits: 5, misses: 1 });
});

test('a failed renewal takes nothing away, and is not tried again at once', async (t) => {
  const { gate, call, clock, issuer } = await startWorld(t);
  const { broker, log } = gate();
  const old = await broker.arm(call());
  clock.pass(220);
  issuer.misbehave(oauthError(400, 'access_denied'));

  await broker.arm(call());
  await landed(broker);
  const still = await broker.arm(call());
  await broker.arm(call());
  await landed(broker);

  t.equal(still.credential.secret, old.credential.secret);
  t.equal(issuer.received.length, 2);
  t.match(log.lines.at(-1), { level: 'debug', facts: { exchange: 'corp', reason: 'exchange_denied' } });
});

test('the issuer is down: a credential that holds is used, one that does not is never', async (t) => {
  const { gate, call, clock, issuer } = await startWorld(t);
  const { broker } = gate();
  await broker.arm(call());
  issuer.misbehave({ raw: (response) => response.socket?.destroy() });

  clock.pass(269);
  t.equal((await broker.arm(call())).cache, 'hit');
  await landed(broker);

  clock.pass(1); // near its end, not beyond: envoy#44674 injected it still
  const refused = await refusal(broker.arm(call()));
  t.equal(refused.reason, 'issuer_unreachable');
  t.equal(refused.status, 503);
  t.equal(refused.retryAfter, 1);
});

test('the issuer comes back: so do the calls', async (t) => {
  const { gate, call, clock, issuer } = await startWorld(t);
  const { broker } = gate();
  issuer.misbehave({ raw: (response) => response.writeHead(502).end() });
  await refusal(broker.arm(call()));
  issuer.misbehave({});

  t.equal((await refusal(broker.arm(call()))).reason, 'issuer_failed', 'remembered for a second');
  t.equal(issuer.received.length, 1);
  t.equal(broker.stats().remembered, 1);
  clock.pass(1);
  t.equal((await broker.arm(call())).cache, 'miss');
});

test('a "no" is remembered for five seconds, for that call only', async (t) => {
  const { gate, call, clock, issuer } = await startWorld(t);
  const { broker } = gate();
  issuer.misbehave(oauthError(400, 'access_denied'));
  await refusal(broker.arm(call()));
  clock.pass(4.9);
  t.equal((await refusal(broker.arm(call()))).reason, 'exchange_denied');
  t.equal(issuer.received.length, 1);

  await refusal(broker.arm(call({ scopes: ['other'] })));
  t.equal(issuer.received.length, 2, 'another hop is asked for');

  clock.pass(0.1);
  issuer.misbehave({});
  t.equal((await broker.arm(call())).cache, 'miss');
});

/** Waits until no exchange is under way. */
async function landed(broker: { status(): readonly { inFlight: number }[] }): Promise<void> {
  while (broker.status().some(({ inFlight }) => inFlight > 0)) await new Promise(setImmediate);
}
