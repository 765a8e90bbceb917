// Attack: chain splicing. RFC 8693 does not bind subject_token and actor_token to each other: tokens of two different
// flows give a validly signed chain that never happened (OAuth WG, February 2026). Identification binds them; arming is
// the last gate and sends only tokens that prove exactly the parties of this call.

import { test } from 'tap';
import { refusal, startWorld } from '../support/exchange-world.ts';

test("another caller's token is not sent as actor token", async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const other = await issuer.mint('spiffe://corp/ns/finance/sa/agent', { kind: 'workload' });
  const refused = await refusal(gate().broker.arm({ ...call(), actorToken: other }));
  t.equal(refused.reason, 'actor_not_bound');
  t.equal(issuer.received.length, 0);
});

test("another user's token is not sent as subject token", async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const bob = await issuer.mint('bob');
  t.equal((await refusal(gate().broker.arm({ ...call(), subjectToken: bob }))).reason, 'actor_not_bound');
  t.equal(issuer.received.length, 0);
});

test('the same name of another issuer is somebody else', async (t) => {
  const { gate, call } = await startWorld(t);
  const base = call();
  const elsewhere = { ...base.subject, iss: 'https://other.example' };
  const spliced = { ...base, subjectToken: { ...base.subjectToken, principal: elsewhere } };
  t.equal((await refusal(gate().broker.arm(spliced))).reason, 'actor_not_bound');
});

test('an issuer that splices a chain itself is found out', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  issuer.misbehave({ claims: (claims) => ({ ...claims, act: { sub: 'finance-agent', act: claims['act'] } }) });
  t.equal((await refusal(gate().broker.arm(call()))).reason, 'issued_actor_missing');
});
