// Attack: to use the gate as an amplifier against the issuer. A burst of calls, or of retries of a call that cannot
// succeed, must not become a burst of exchanges (cortex#267, Tyk#8269). Held by single flight, by a short memory of
// failures, and by bounds on what may be under way.

import { test } from 'tap';
import { oauthError } from '../support/exchange-issuer.ts';
import { refusal, startWorld } from '../support/exchange-world.ts';

test('a hundred calls at once for one hop are one exchange', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker } = gate();
  const release = issuer.hold();
  const arming = Array.from({ length: 100 }, () => broker.arm(call()));
  await issuer.arrived(1);
  t.match(broker.status(), [{ inFlight: 1 }]);
  release();

  const armed = await Promise.all(arming);

  t.equal(issuer.received.length, 1);
  t.equal(new Set(armed.map(({ credential }) => credential.secret)).size, 1);
  t.equal(armed.filter(({ cache }) => cache === 'miss').length, 1);
  t.equal(armed.filter(({ cache }) => cache === 'coalesced').length, 99);
  t.match(broker.stats(), { misses: 1, coalesced: 99, hits: 0 });
});

test('the first of them goes away: the others are served by the same exchange', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker } = gate();
  const release = issuer.hold();
  const leaving = new AbortController();
  const first = broker.arm(call(), leaving.signal);
  const others = Array.from({ length: 9 }, () => broker.arm(call()));
  await issuer.arrived(1);

  leaving.abort(new Error('the client went away'));
  await t.rejects(first, { message: 'the client went away' });
  release();

  t.equal((await Promise.all(others)).length, 9);
  t.equal(issuer.received.length, 1);
  t.equal((await broker.arm(call())).cache, 'hit', 'and what it started was kept');
});

test('a hundred calls that cannot succeed are one exchange, and so are their retries', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker } = gate();
  issuer.misbehave(oauthError(400, 'access_denied'));

  const refused = await Promise.all(Array.from({ length: 100 }, () => refusal(broker.arm(call()))));
  for (let retry = 0; retry < 20; retry += 1) await refusal(broker.arm(call()));

  t.ok(refused.every(({ reason }) => reason === 'exchange_denied'));
  t.equal(issuer.received.length, 1);
});

test('different users cannot pile up exchanges without end', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker } = gate();
  const release = issuer.hold();
  const scopes = Array.from({ length: 300 }, (_, index) => [`scope-${index}`]);
  const arming = scopes.map((scope) =>
    broker.arm(call({ scopes: scope })).then(
      () => 'armed',
      ({ reason }) => reason,
    ),
  );
  await issuer.arrived(1);
  release();

  const outcomes = await Promise.all(arming);

  t.equal(outcomes.filter((outcome) => outcome === 'armed').length, 256);
  t.equal(outcomes.filter((outcome) => outcome === 'exchange_overloaded').length, 44);
});
