// Arming a permitted call: what the issuer is asked, what the call gets, what is told of it.

import { test } from 'tap';
import { exchangeGrant } from '../support/exchange-issuer.ts';
import { recordingObservation } from '../support/exchange-observation.ts';
import { agentId, corp, refusal, startWorld } from '../support/exchange-world.ts';

test('a call is armed with a token of its own hop, exchanged from both tokens', async (t) => {
  const { gate, call, issuer, alice, agent } = await startWorld(t);
  const { broker, problems } = gate();
  const observation = recordingObservation();

  const armed = await broker.arm(call({ observation, scopes: ['model.list', 'model.invoke'] }));

  t.strictSame(problems, []);
  const form = Object.fromEntries(issuer.received[0]?.form ?? []);
  t.strictSame(form, {
    grant_type: exchangeGrant,
    subject_token: alice.token.reveal(),
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    actor_token: agent.token.reveal(),
    actor_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: 'https://api.openai.com',
    scope: 'model.invoke model.list',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  });
  t.equal(issuer.received[0]?.headers['traceparent'], observation.exchanges[0]?.traceparent, 'the trace goes on');
  t.equal(armed.cache, 'miss');
  t.strictSame(armed.credential.placement, { kind: 'header', name: 'authorization', prefix: 'Bearer ' });
  t.match(armed.credential.secret?.reveal(), /^eyJ/);
  t.not(armed.credential.secret?.reveal(), alice.token.reveal());
});

test('the facts tell everything but the value', async (t) => {
  const { gate, call, issuer, clock } = await startWorld(t);
  const observation = recordingObservation();
  const now = clock.now() / 1000;

  const { credential } = await gate().broker.arm(call({ observation }));

  t.match(credential.facts, {
    kind: 'exchanged',
    exchange: 'corp',
    grant: 'token_exchange',
    issuer: issuer.url,
    audience: 'https://api.openai.com',
    scopesRequested: ['model.invoke'],
    scopesGranted: ['model.invoke'],
    expiresAt: now + 300,
    lifetime: 300,
    verification: { mode: 'strict', findings: [] },
    issued: { sub: 'alice', audiences: ['https://api.openai.com'], actors: [{ sub: agentId, iss: issuer.url }] },
    issuedIn: observation.exchanges[0]?.span,
  });
  t.equal(credential.facts.fingerprint, credential.secret?.fingerprint);
  t.match(credential.facts.idHash, /^[0-9a-f]{16}$/);
  t.notMatch(JSON.stringify(credential), credential.secret?.reveal() ?? 'nothing');
  t.equal(observation.exchanges[0]?.outcome, 'succeeded');
  t.equal(observation.exchanges[0]?.asked, issuer.tokenEndpoint, 'as discovered');
  t.equal(observation.exchanges[0]?.facts, credential.facts);
});

test('the same call again is served from the cache, linked to the exchange that issued it', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker } = gate();
  const first = await broker.arm(call());
  const observation = recordingObservation();

  const second = await broker.arm(call({ observation }));

  t.equal(second.cache, 'hit');
  t.equal(second.credential.secret, first.credential.secret);
  t.equal(second.credential.facts.issuedIn, first.credential.facts.issuedIn);
  t.equal(observation.exchanges.length, 0, 'no round trip, no span');
  t.equal(issuer.received.length, 1);
  t.match(broker.stats(), { hits: 1, misses: 1, coalesced: 0, entries: 1 });
});

test('a caller that is the subject sends no actor token', async (t) => {
  const { gate, issuer, agent, call } = await startWorld(t);
  const self = call({ subject: agent });
  const { actorToken: _, ...alone } = self;

  await gate().broker.arm({
    ...alone,
    actorToken: undefined,
    caller: agent.principal,
    chain: { ...self.chain, actors: [] },
  });

  t.notOk(issuer.received[0]?.form.has('actor_token'));
  t.notOk(issuer.received[0]?.form.has('actor_token_type'), 'RFC 8693: must not be sent without actor_token');
});

test('a route without exchange is forwarded without a credential, because somebody wrote `none`', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker } = gate({ routes: [{ exchange: 'none', placement: { kind: 'none' } }] });

  const armed = await broker.arm(call());

  t.equal(armed.credential.secret, undefined);
  t.strictSame(armed.credential.placement, { kind: 'none' });
  t.match(armed.credential.facts, { kind: 'none', exchange: 'none', grant: 'none', fingerprint: '' });
  t.equal(armed.cache, 'bypass');
  t.equal((await broker.rearm(armed)).credential.secret, undefined);
  t.equal(issuer.received.length, 0);
});

test('a route the broker does not know is refused', async (t) => {
  const { gate, call } = await startWorld(t);
  t.equal((await refusal(gate().broker.arm(call({ route: 'other' })))).reason, 'exchange_misconfigured');
});

test('a route whose exchange is not there is refused', async (t) => {
  const { gate, call } = await startWorld(t);
  const { broker } = gate({ routes: [{ exchange: 'typo' }] });
  t.equal((await refusal(broker.arm(call()))).reason, 'exchange_misconfigured');
});

test('the plan says what would be asked, without asking and without showing a token', async (t) => {
  const { gate, call, issuer, alice } = await startWorld(t);
  const { broker, sent } = gate();

  const plan = broker.plan(call());

  t.match(plan, { exchange: 'corp', kind: 'exchanged', endpoint: issuer.url, verify: 'strict' });
  t.ok(plan.inputs.some(([name, value]) => name === 'audience' && value === 'https://api.openai.com'));
  t.notMatch(JSON.stringify(plan), alice.token.reveal());
  t.equal(sent.length, 0);
});

test('status tells what is ready, and what went wrong last', async (t) => {
  const { gate, call, issuer, clock } = await startWorld(t);
  const { broker } = gate();
  t.match(broker.status(), [{ name: 'corp', ready: false, routes: ['openai'], inFlight: 0, clientId: 'postern-gate' }]);

  await broker.warm();
  t.match(broker.status(), [{ ready: true, lastSuccessAt: undefined }]);

  issuer.misbehave({ raw: (response) => response.writeHead(500).end() });
  await refusal(broker.arm(call()));
  t.match(broker.status(), [{ lastFailure: { at: clock.now(), reason: 'issuer_failed' } }]);
});

test('an issuer that cannot be reached at start is not ready, and does not stop the start', async (t) => {
  const { gate, issuer } = await startWorld(t);
  const { broker, log } = gate();
  await issuer.close();

  await broker.warm();

  t.match(broker.status(), [{ ready: false, lastFailure: { reason: 'issuer_unreachable' } }]);
  t.match(log.lines.at(-1), { level: 'warn', facts: { exchange: 'corp', reason: 'issuer_unreachable' } });
});

test('contradictions between a route and its exchange are reported at load', async (t) => {
  const { gate, issuer } = await startWorld(t);
  const { problems } = gate({
    routes: [
      { id: 'a', path: ['routes', 0], audience: undefined },
      { id: 'b', path: ['routes', 1], placement: { kind: 'none' } },
      { id: 'c', path: ['routes', 2], audience: undefined, verify: 'record' },
    ],
  });
  t.strictSame(
    problems.map(({ path, what }) => `${path.join('.')} ${what}`),
    [
      'routes.0 asks for no audience, so that what is issued could be used anywhere',
      'routes.1.exchange has no effect: the credential would be placed nowhere',
    ],
  );

  const plain = gate({
    exchanges: { corp: corp(issuer, { issuer: undefined, token_endpoint: 'http://idp.example.com/token' }) },
  });
  t.match(plain.problems, [{ path: ['exchanges', 'corp', 'token_endpoint'], what: /plain http/ }]);
});
