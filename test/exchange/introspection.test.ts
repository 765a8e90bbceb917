// RFC 7662: an opaque token is as good as what its issuer says of it, and that is compared like a JWT's claims.

import { type Test, test } from 'tap';
import { agentId, corp, refusal, startWorld } from '../support/exchange-world.ts';

async function start(t: Test, changes: object = {}) {
  const world = await startWorld(t);
  world.issuer.misbehave({ opaque: true });
  const exchange = corp(world.issuer, { introspect: {}, ...changes });
  const gate = (route = {}) => world.gate({ exchanges: { corp: exchange }, routes: [route] });
  return { ...world, gate };
}

test('strict: an opaque token whose introspection is what was asked for arms the call', async (t) => {
  const { gate, call, issuer, clock } = await start(t);
  const { broker, problems } = gate();
  const { credential } = await broker.arm(call());
  t.strictSame(problems, []);
  t.match(credential.secret?.reveal(), /^opaque-/);
  t.match(credential.facts, {
    verification: { mode: 'strict', findings: [] },
    issued: { sub: 'alice', audiences: ['https://api.openai.com'], actors: [{ sub: agentId }] },
    expiresAt: clock.now() / 1_000 + 300,
    scopesGranted: ['model.invoke'],
  });
  const [asked] = issuer.introspections;
  t.strictSame(Object.fromEntries(asked?.form ?? []), {
    token: credential.secret?.reveal(),
    token_type_hint: 'access_token',
  });
  t.match(asked?.headers.authorization, /^Basic /, 'as the client of the exchange');
  t.match(asked?.headers['traceparent'], /^00-/);
});

test('a JWT speaks for itself: nothing is asked', async (t) => {
  const { gate, call, issuer } = await start(t);
  issuer.misbehave({});
  await gate().broker.arm(call());
  t.equal(issuer.introspections.length, 0);
});

test('record: what does not hold is told, but an inactive token is none', async (t) => {
  const { gate, call, issuer, clock } = await start(t);
  issuer.misbehave({ opaque: true, introspection: ({ act: _, ...answer }) => answer });
  const { broker } = gate({ verify: 'record' });
  const { credential } = await broker.arm(call());
  t.strictSame(credential.facts.verification, { mode: 'record', findings: ['issued_actor_missing'] });

  clock.pass(300);
  issuer.misbehave({ opaque: true, introspection: () => ({ active: false }) });
  const refused = await refusal(broker.arm(call()));
  t.match(refused, { reason: 'issued_token_inactive', status: 502 });
});

test('a token revoked before it was first used is refused', async (t) => {
  const { gate, call, issuer } = await start(t);
  issuer.misbehave({
    opaque: true,
    answer(answer) {
      issuer.revoke(String(answer['access_token']));
      return answer;
    },
  });
  t.equal((await refusal(gate().broker.arm(call()))).reason, 'issued_token_inactive');
});

test('a resource server of its own may ask, at an endpoint of its own', async (t) => {
  const client = { auth: 'client_secret_post', id: 'postern-gate', secret: 'p&ss wörd+' };
  const { gate, call, issuer } = await start(t, { introspect: { client } });
  await gate().broker.arm(call());
  t.equal(issuer.introspections[0]?.form.get('client_id'), 'postern-gate');
  t.equal(issuer.introspections[0]?.headers.authorization, undefined);
});

test('an endpoint that cannot be asked refuses the call in any mode: it was configured to be asked', async (t) => {
  for (const verify of ['strict', 'record'] as const) {
    const { call, issuer, gate } = await start(t);
    issuer.misbehave({ opaque: true, introspection: () => 'x'.repeat(70_000) });
    t.match(await refusal(gate({ verify }).broker.arm(call())), { reason: 'issuer_answer_oversize', status: 503 });
  }
  const world = await startWorld(t);
  world.issuer.misbehave({ opaque: true });
  const client = { auth: 'client_secret_basic', id: world.issuer.client.id, secret: 'wrong' };
  const { broker } = world.gate({ exchanges: { corp: corp(world.issuer, { introspect: { client } }) } });
  t.equal((await refusal(broker.arm(world.call()))).reason, 'issuer_rejected_client');
});

test('mistakes of the configuration: no endpoint to be found, plain http', async (t) => {
  const { gate: open, issuer } = await startWorld(t);
  const problems = (changes: Record<string, unknown>) => open({ exchanges: { corp: corp(issuer, changes) } }).problems;
  t.match(problems({ token_endpoint: issuer.tokenEndpoint, introspect: {} }), [
    { path: ['exchanges', 'corp', 'introspect'], what: /names no endpoint/ },
  ]);
  t.match(problems({ introspect: { endpoint: 'http://idp.example.com/introspect' } }), [
    { path: ['exchanges', 'corp', 'introspect', 'endpoint'], what: /plain http/ },
  ]);
});
