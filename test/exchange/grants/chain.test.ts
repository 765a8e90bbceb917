// Several exchanges in a row: the organisation's issuer puts the chain into a token, a vendor or another domain takes it.

import { decodeJwt } from 'jose';
import { type Test, test } from 'tap';
import { anthropic, entraWorkload, huggingface, openai, startFederation } from '../../support/exchange-federation.ts';
import { recordingObservation } from '../../support/exchange-observation.ts';
import { chainClient, startAuthorizationServer } from '../../support/exchange-vendors/authorization-server.ts';
import { agentId, corp, openai as openaiRoute, refusal, startWorld } from '../../support/exchange-world.ts';

const route = { exchange: 'both', audience: undefined };

/** Leg one at the organisation's issuer with the whole chain, leg two at the vendor. */
async function startWithVendor(t: Test, kind: Parameters<typeof startFederation>[1] = openai) {
  const federation = await startFederation(t, kind);
  const { world } = federation;
  const chain = (first: object = {}, second: object = {}) => ({
    grant: 'chain',
    steps: [
      { exchange: 'corp', audience: kind.audience, ...first },
      { exchange: 'vendor', ...second },
    ],
  });
  const exchanges = (first?: object, second?: object) => ({
    corp: corp(world.issuer),
    vendor: federation.entry(),
    both: chain(first, second),
  });
  const gate = (first?: object, second?: object, routes: readonly object[] = [route]) =>
    world.gate({ exchanges: exchanges(first, second), routes });
  return { ...federation, exchanges, gate, call: world.call };
}

test('the chain is in the first token, the vendor gets that one, and the records tell both', async (t) => {
  const { gate, call, world, vendor } = await startWithVendor(t);
  const { broker, problems } = gate();
  const observation = recordingObservation();

  const { credential } = await broker.arm(call({ observation }));

  t.strictSame(problems, []);
  const assertion = decodeJwt(String(vendor.received[0]?.body?.['subject_token']));
  t.match(assertion, { sub: 'alice', aud: [openai.audience], act: { sub: agentId, iss: world.issuer.url } });
  t.match(credential.secret?.reveal(), /^openai-wif-/);
  t.strictSame(
    observation.exchanges.map(({ start, outcome }) => [start.exchange, start.grant, outcome]),
    [
      ['corp', 'token_exchange', 'succeeded'],
      ['vendor', 'openai', 'succeeded'],
    ],
  );
  t.match(credential.facts, {
    kind: 'exchanged',
    exchange: 'vendor',
    verification: { mode: 'not_applicable' },
    via: [{ exchange: 'corp', verification: { mode: 'strict', findings: [] }, issued: { actors: [{ sub: agentId }] } }],
  });
  t.equal(credential.facts.via?.length, 1);
});

test('the same call again is one look-up; another agent shares nothing; each can be revoked', async (t) => {
  const { gate, call, world, vendor } = await startWithVendor(t);
  const { broker } = gate();
  await broker.arm(call());
  t.equal((await broker.arm(call())).cache, 'hit');
  t.equal(vendor.received.length, 1);
  const actor = await world.issuer.mint('other', { kind: 'workload' });
  t.equal((await broker.arm(call({ actor }))).cache, 'miss');
  t.equal(broker.stats().entries, 4, 'each leg has its own');
  t.equal(broker.forget({ iss: world.issuer.url, sub: 'other' }), 2);
  t.equal(broker.forget({ iss: world.issuer.url, sub: 'alice' }), 2);
});

test('the first leg is shared with whoever asks for the same', async (t) => {
  const { gate, call, world } = await startWithVendor(t);
  const { broker } = gate({}, {}, [route, { id: 'direct', exchange: 'corp', audience: openai.audience }]);
  await broker.arm(call({ route: 'direct' }));
  await broker.arm(call());
  t.equal(world.issuer.received.length, 1);
});

test('the first leg ends first: so does the credential, and both are renewed ahead', async (t) => {
  const { gate, call, world, vendor } = await startWithVendor(t);
  const { broker } = gate();
  world.issuer.lifetime = 100;
  const first = await broker.arm(call());
  world.clock.pass(64);
  t.equal((await broker.arm(call())).credential.secret, first.credential.secret, 'served while it renews');
  while (broker.status().some(({ inFlight }) => inFlight > 0)) await new Promise(setImmediate);
  t.equal(world.issuer.received.length, 2);
  t.equal(vendor.received.length, 2);
  world.clock.pass(30);
  t.equal((await broker.arm(call())).cache, 'hit', 'of the renewed one');
});

test('a vendor that does not care when the subject token ends is not taken at its word', async (t) => {
  const { gate, call, world } = await startWithVendor(t, huggingface);
  const { broker } = gate();
  world.issuer.lifetime = 100;
  const { credential } = await broker.arm(call());
  t.equal(credential.facts.lifetime, 3_600);
  world.clock.pass(81);
  t.equal((await broker.arm(call())).cache, 'miss');
});

test('a first leg that is due and cannot be renewed serves until its end', async (t) => {
  const { exchanges, entry, call, world } = await startWithVendor(t);
  const third = { grant: 'chain', steps: [{ exchange: 'corp', audience: openai.audience }, { exchange: 'other' }] };
  const { broker } = world.gate({
    exchanges: { ...exchanges(), other: entry(), third },
    routes: [route, { id: 'third', exchange: 'third', audience: undefined }],
  });
  world.issuer.lifetime = 100;
  await broker.arm(call());
  world.clock.pass(70);
  world.issuer.misbehave({ raw: (response) => response.writeHead(503).end() });
  t.equal((await broker.arm(call({ route: 'third' }))).cache, 'miss', 'of the vendor alone');
  world.clock.pass(30);
  t.equal((await refusal(broker.arm(call({ route: 'third' })))).reason, 'issuer_failed', 'not beyond');
});

test('nothing outlives the tokens that came with the call, whatever the legs say', async (t) => {
  const { gate, call, world } = await startWithVendor(t);
  const { broker } = gate();
  const actor = await world.issuer.mint(agentId, { kind: 'workload', lifetime: 50 });
  await broker.arm(call({ actor }));
  world.clock.pass(40);
  t.equal((await broker.arm(call({ actor }))).cache, 'miss');
});

test('a first leg that is not what was asked for never reaches the vendor', async (t) => {
  const { gate, call, world, vendor } = await startWithVendor(t);
  world.issuer.misbehave({ claims: ({ act: _, ...claims }) => claims });
  t.equal((await refusal(gate().broker.arm(call()))).reason, 'issued_actor_missing');
  t.equal(vendor.received.length, 0);

  const { credential } = await gate({ verify: 'record' }).broker.arm(call());
  t.match(credential.facts.via, [{ verification: { mode: 'record', findings: ['issued_actor_missing'] } }]);
});

test('what the vendor does not accept is not the agent’s to mend: the token was the issuer’s', async (t) => {
  const { gate, call } = await startWithVendor(t);
  const refused = await refusal(gate({ audience: 'https://somewhere.else' }).broker.arm(call()));
  t.match(refused, { reason: 'exchange_misconfigured', status: 503, detail: /^invalid_subject_token/ });
});

test('a failing leg is remembered, and the health of each leg is its own', async (t) => {
  const { gate, call, vendor, world } = await startWithVendor(t);
  const { broker } = gate();
  vendor.answerWith((response) => response.writeHead(503).end());
  await refusal(broker.arm(call()));
  await refusal(broker.arm(call()));
  t.equal(vendor.received.length, 1);
  t.match(broker.stats(), { remembered: 1 });
  const [one, two, both] = broker.status();
  t.match(one, { name: 'corp', ready: true, lastFailure: undefined });
  t.match(two, { name: 'vendor', lastFailure: { reason: 'issuer_failed' } });
  t.match(both, {
    name: 'both',
    grant: 'chain',
    kind: 'exchanged',
    endpoint: vendor.url,
    lastFailure: { reason: 'issuer_failed' },
    legs: [{ exchange: 'corp' }, { exchange: 'vendor' }],
  });
  vendor.answerWith();
  world.clock.pass(1);
  await broker.arm(call());
  t.equal(world.issuer.received.length, 1, 'the first leg was kept');
});

test('a credential that the upstream rejects is renewed from the first leg on', async (t) => {
  const { gate, call, world, vendor } = await startWithVendor(t);
  const { broker } = gate();
  const armed = await broker.arm(call());
  world.clock.pass(10);
  const again = await broker.rearm(armed);
  t.not(again.credential.secret, armed.credential.secret);
  t.equal(world.issuer.received.length, 2);
  t.equal(vendor.received.length, 2);
});

test('a grant that is redeemed once is obtained for each redemption, and never kept', async (t) => {
  const { exchanges, entry, call, world, vendor } = await startWithVendor(t, anthropic);
  const third = { grant: 'chain', steps: [{ exchange: 'corp', audience: anthropic.audience }, { exchange: 'other' }] };
  const { broker, problems } = world.gate({
    exchanges: { ...exchanges(), other: entry({ workspace_id: 'wrkspc_01test' }), third },
    routes: [route, { id: 'third', exchange: 'third', audience: undefined }],
  });
  t.strictSame(problems, []);

  await Promise.all([broker.arm(call()), broker.arm(call({ route: 'third' })), broker.arm(call())]);

  t.equal(vendor.received.length, 2);
  t.equal(world.issuer.received.length, 2, 'two routes, two assertions');
  t.equal(broker.stats().entries, 2, 'the assertions are not among them');
  world.clock.pass(10);
  t.equal((await broker.rearm(await broker.arm(call()))).cache, 'miss', 'a renewal brings a new one');
});

test('an assertion may be shorter than what it gives: the call’s own tokens bound the life', async (t) => {
  const { gate, call, world } = await startWithVendor(t, anthropic);
  const { broker } = gate();
  world.issuer.lifetime = 300;
  const { credential } = await broker.arm(call());
  t.equal(credential.facts.lifetime, 600, 'twice what was left, as the vendor has it');
  world.clock.pass(400);
  t.equal((await broker.arm(call())).cache, 'hit');
});

test('the audience that the next step wants is the default of the step before', async (t) => {
  const { gate, call, vendor } = await startWithVendor(t, entraWorkload);
  const { broker, problems } = gate({ audience: undefined });
  await broker.arm(call({ scopes: ['https://cognitiveservices.azure.com/.default'] }));
  t.strictSame(problems, []);
  t.match(decodeJwt(String(vendor.received[0]?.body?.['client_assertion'])), { aud: [entraWorkload.audience] });
});

test('scopes go to every step unless it says otherwise', async (t) => {
  const { gate, call, world } = await startWithVendor(t);
  await gate({ scopes: ['b', 'a', 'b'] }).broker.arm(call({ scopes: ['model.invoke'] }));
  await gate({ scopes: [] }).broker.arm(call({ scopes: ['model.invoke'] }));
  await gate().broker.arm(call({ scopes: ['model.invoke'] }));
  t.strictSame(
    world.issuer.received.map(({ form }) => form.get('scope')),
    ['a b', null, 'model.invoke'],
  );
});

test('identity chaining: 8693 at one issuer, 7523 at another, sub and act kept all the way', async (t) => {
  const world = await startWorld(t);
  const { issuer, clock, call } = world;
  const server = await startAuthorizationServer({ clock, trust: { issuer: issuer.url, jwksUri: issuer.jwksUri } });
  t.teardown(() => server.close());
  const partner = {
    grant: 'jwt_bearer',
    issuer: server.issuer,
    client: { auth: 'client_secret_basic', ...chainClient },
  };
  const steps = [{ exchange: 'corp', requested_token_type: 'jwt' }, { exchange: 'partner' }];
  const { broker, problems } = world.gate({
    exchanges: { corp: corp(issuer), partner, both: { grant: 'chain', steps } },
    routes: [{ exchange: 'both' }],
  });

  const { credential } = await broker.arm(call());

  t.strictSame(problems, []);
  t.equal(issuer.received[0]?.form.get('audience'), server.issuer, 'the other server, not the API');
  t.match(issuer.received[0]?.form.get('requested_token_type'), /:jwt$/);
  t.match(decodeJwt(credential.secret?.reveal() ?? ''), {
    iss: server.issuer,
    sub: 'alice',
    aud: [openaiRoute.audience],
    act: { sub: agentId },
  });
  t.match(credential.facts.verification, { mode: 'strict', findings: [] });

  server.bend(({ act: _, ...claims }) => claims);
  clock.pass(3_600);
  const later = { subject: await issuer.mint('alice'), actor: await issuer.mint(agentId, { kind: 'workload' }) };
  t.equal((await refusal(broker.arm(call(later)))).reason, 'issued_actor_missing', 'each leg is verified');
});

const mistakes: Record<string, [object[], RegExp]> = {
  'a step that is not there': [[{ exchange: 'corpo' }, { exchange: 'vendor' }], /not there: corpo/],
  'a chain in a chain': [[{ exchange: 'both' }, { exchange: 'vendor' }], /not there: both/],
  'a standing secret': [[{ exchange: 'key' }, { exchange: 'vendor' }], /standing secret/],
  'a later step in the gate’s own name': [[{ exchange: 'corp' }, { exchange: 'machine' }], /takes no subject/],
  'a later step with a source': [[{ exchange: 'corp' }, { exchange: 'sourced' }], /takes no subject/],
  'an ID-JAG nobody redeems': [
    [{ exchange: 'corp', requested_token_type: 'id-jag' }, { exchange: 'vendor2' }],
    /no step after it redeems/,
  ],
};

for (const [what, [steps, expected]] of Object.entries(mistakes)) {
  test(`reported at load: ${what}`, async (t) => {
    const { world, entry } = await startWithVendor(t);
    const { problems, broker } = world.gate({
      exchanges: {
        corp: corp(world.issuer),
        vendor: entry(),
        vendor2: corp(world.issuer),
        machine: corp(world.issuer, { grant: 'client_credentials' }),
        sourced: entry({ subject_source: 'pod' }),
        key: { grant: 'static_secret', value: 'sk' },
        both: { grant: 'chain', steps },
      },
      sources: { pod: { source: 'file', file: '/nowhere' } },
      routes: [route],
    });
    t.match(problems[0], { path: ['exchanges', 'both', 'steps'], what: expected });
    t.equal((await refusal(broker.arm(world.call()))).reason, 'exchange_misconfigured', 'and nothing goes through');
  });
}

test('a step that asks for no audience is reported, unless the next one has a default', async (t) => {
  const { world } = await startWithVendor(t);
  const bare = { grant: 'databricks', token_endpoint: 'https://acme.cloud.databricks.com/oidc/v1/token' };
  const { problems } = world.gate({
    exchanges: {
      corp: corp(world.issuer),
      bare,
      both: { grant: 'chain', steps: [{ exchange: 'corp' }, { exchange: 'bare' }] },
    },
    routes: [route],
  });
  t.match(problems, [{ path: ['routes', 0], what: /asks for no audience in its step corp/ }]);
});
