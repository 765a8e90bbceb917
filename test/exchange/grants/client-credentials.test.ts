// The gate's own identity: asked for once, used for every caller of the route, with nothing of them in it.

import { test } from 'tap';
import { corp, refusal, startWorld } from '../../support/exchange-world.ts';

test('asks in its own name, without anybody’s token', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker, problems } = gate({ exchanges: { corp: corp(issuer, { grant: 'client_credentials' }) } });

  const { credential } = await broker.arm(call());

  t.strictSame(problems, []);
  t.strictSame(Object.fromEntries(issuer.received[0]?.form ?? []), {
    grant_type: 'client_credentials',
    audience: 'https://api.openai.com',
    scope: 'model.invoke',
  });
  t.match(credential.facts, { kind: 'client_credentials', verification: { mode: 'strict', findings: [] } });
  t.match(credential.facts.issued, { sub: 'postern-gate', actors: [] });
});

test('one for all callers, and it does not end with anybody’s token', async (t) => {
  const { gate, call, issuer, clock } = await startWorld(t);
  const { broker } = gate({ exchanges: { corp: corp(issuer, { grant: 'client_credentials' }) } });
  const bob = await issuer.mint('bob', { lifetime: 10 });

  await broker.arm(call({ subject: bob }));
  clock.pass(200);

  t.equal((await broker.arm(call())).cache, 'hit');
  t.equal(broker.forget({ iss: issuer.url, sub: 'bob' }), 0, 'it is nobody’s');
});

test('another audience or another scope is another credential', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker } = gate({
    exchanges: { corp: corp(issuer, { grant: 'client_credentials' }) },
    routes: [{}, { id: 'tickets', audience: 'tickets' }],
  });
  await broker.arm(call());
  t.equal((await broker.arm(call({ route: 'tickets' }))).cache, 'miss');
  t.equal((await broker.arm(call({ scopes: ['other'] }))).cache, 'miss');
});

test('an audience that is not the one asked for is refused here too', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker } = gate({ exchanges: { corp: corp(issuer, { grant: 'client_credentials' }) } });
  issuer.misbehave({ claims: (claims) => ({ ...claims, aud: 'everything' }) });
  t.equal((await refusal(broker.arm(call()))).reason, 'issued_audience_mismatch');
});
