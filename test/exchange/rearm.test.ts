// An upstream answered 401 (LibreChat#15569, ContextForge#5224): that credential is forgotten and one other is obtained,
// however many calls were rejected with it.

import { test } from 'tap';
import { corp, refusal, startWorld } from '../support/exchange-world.ts';

test('the rejected credential is forgotten and another exchanged', async (t) => {
  const { gate, call, issuer, clock } = await startWorld(t);
  const { broker } = gate();
  const first = await broker.arm(call());
  clock.pass(10);

  const second = await broker.rearm(first);

  t.equal(second.cache, 'miss');
  t.not(second.credential.facts.fingerprint, first.credential.facts.fingerprint);
  t.equal(issuer.received.length, 2);
  t.equal((await broker.arm(call())).credential.secret, second.credential.secret, 'later calls get the new one');
});

test('fifty calls rejected with one credential make one exchange', async (t) => {
  const { gate, call, issuer, clock } = await startWorld(t);
  const { broker } = gate();
  const rejected = await broker.arm(call());
  clock.pass(10);

  const renewed = await Promise.all(Array.from({ length: 50 }, () => broker.rearm(rejected)));
  const late = await broker.rearm(rejected);

  t.equal(issuer.received.length, 2);
  t.equal(new Set([...renewed, late].map(({ credential }) => credential.secret)).size, 1);
  t.equal(late.cache, 'hit', 'another call had renewed it already');
});

test('when the issuer is down the rejected call is refused, and the others keep their credential', async (t) => {
  const { gate, call, issuer, clock } = await startWorld(t);
  const { broker } = gate();
  const rejected = await broker.arm(call());
  clock.pass(10);
  issuer.misbehave({ raw: (response) => response.writeHead(503).end() });

  t.equal((await refusal(broker.rearm(rejected))).reason, 'issuer_failed');
  t.equal((await refusal(broker.rearm(rejected))).reason, 'issuer_failed', 'it never serves the call it failed');
  const other = await broker.arm(call());
  t.equal(other.credential.secret, rejected.credential.secret);
  t.equal(other.cache, 'hit');
});

test('client credentials are renewed the same way', async (t) => {
  const { gate, call, issuer, clock } = await startWorld(t);
  const { broker } = gate({ exchanges: { corp: corp(issuer, { grant: 'client_credentials' }) } });
  const first = await broker.arm(call());
  clock.pass(10);
  t.not((await broker.rearm(first)).credential.secret?.reveal(), first.credential.secret?.reveal());
});
