// Entra: an application proved by a federated assertion, and On-Behalf-Of.

import { test } from 'tap';
import { exchangeSchema } from '../../../src/exchange/schema.ts';
import type { JsonObject } from '../../../src/principal.ts';
import { entraOnBehalfOf, entraWorkload, startFederation } from '../../support/exchange-federation.ts';
import { entraClient, entraKey, entraTenant } from '../../support/exchange-vendors/entra.ts';
import { refusal } from '../../support/exchange-world.ts';
import { tlsCert } from '../../support/forwarding-upstream.ts';

const cognitive = 'https://cognitiveservices.azure.com/.default';

test('workload: client credentials, the subject token being the client assertion', async (t) => {
  const { gate, call, vendor, alice } = await startFederation(t, entraWorkload);
  const { broker, problems } = gate();
  await broker.arm(call());
  t.strictSame(problems, []);
  t.match(vendor.received[0], { path: `/${entraTenant}/oauth2/v2.0/token`, encoding: 'form' });
  t.strictSame(vendor.received[0]?.body, {
    grant_type: 'client_credentials',
    client_id: entraClient.id,
    scope: cognitive,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: alice.token.reveal(),
  });
});

test('on behalf of: the assertion of the user, the use, a scope, and no `resource`', async (t) => {
  const { gate, call, vendor, alice } = await startFederation(t, entraOnBehalfOf);
  const { broker, problems } = gate();
  await broker.arm(call({ scopes: ['https://graph.microsoft.com/User.Read'] }));
  t.strictSame(problems, []);
  t.strictSame(vendor.received[0]?.body, {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: alice.token.reveal(),
    requested_token_use: 'on_behalf_of',
    scope: 'https://graph.microsoft.com/User.Read',
    client_id: entraClient.id,
    client_secret: entraClient.secret,
  });
});

test('on behalf of, proved by a key that Entra knows by its certificate', async (t) => {
  const client = { auth: 'private_key_jwt', id: entraClient.id, ...entraKey };
  const { gate, call, vendor } = await startFederation(t, entraOnBehalfOf);
  const { broker, problems } = gate({ client });
  t.strictSame(problems, []);
  await broker.arm(call());
  const [sent] = vendor.received;
  t.notOk(JSON.stringify(sent?.body).includes('client_secret'));
});

test('a key without its certificate, or with another one, is reported at load', async (t) => {
  const { gate } = await startFederation(t, entraOnBehalfOf);
  const client = { auth: 'private_key_jwt', id: entraClient.id, key: entraKey.key };
  t.match(gate({ client }).problems, [{ path: ['exchanges', 'corp', 'client'], mend: 'add `certificate`' }]);
  const path = ['exchanges', 'corp', 'client', 'certificate'];
  t.match(gate({ client: { ...client, certificate: tlsCert } }).problems, [{ path, what: 'is of another key' }]);
  const broken = `${tlsCert.slice(0, 60)}\n`;
  t.match(gate({ client: { ...client, certificate: broken } }).problems, [{ path, what: 'is unreadable' }]);
});

for (const kind of [entraWorkload, entraOnBehalfOf]) {
  test(`without any scope nothing is asked (AADSTS90014): ${kind.audience}`, async (t) => {
    const { gate, call, vendor } = await startFederation(t, kind);
    const refused = await refusal(gate({ scopes: [] }).broker.arm(call()));
    t.match(refused, { reason: 'exchange_misconfigured', detail: /without a scope/ });
    t.equal(vendor.received.length, 0);
  });
}

const appOnly: Record<string, JsonObject> = {
  'says so itself': { idtyp: 'app' },
  'has one object as application and subject': { oid: 'alice', roles: ['Task.Do'] },
};

for (const [what, claims] of Object.entries(appOnly)) {
  test(`on behalf of: a token that ${what} is refused before asking (AADSTS7000114)`, async (t) => {
    const { gate, call, vendor, world } = await startFederation(t, entraOnBehalfOf);
    const subject = await world.issuer.mint('alice', { audience: entraClient.id, claims });
    const refused = await refusal(gate().broker.arm(call({ subject })));
    t.equal(refused.reason, 'subject_app_only');
    t.equal(refused.status, 401);
    t.equal(vendor.received.length, 0);
  });
}

test('on behalf of: a workload acting for itself is no user', async (t) => {
  const { gate, call, world } = await startFederation(t, entraOnBehalfOf);
  const subject = await world.issuer.mint('nightly', { audience: entraClient.id, kind: 'workload' });
  t.equal((await refusal(gate().broker.arm(call({ subject })))).reason, 'subject_app_only');
});

test('on behalf of: a user with both is a user', async (t) => {
  const { gate, call, world } = await startFederation(t, entraOnBehalfOf);
  const claims = { oid: 'alice', scp: 'access_as_user' };
  const subject = await world.issuer.mint('alice', { audience: entraClient.id, claims });
  t.equal((await gate().broker.arm(call({ subject }))).cache, 'miss');
});

test('an application that Entra recognises, and we did not, is told as one too', async (t) => {
  const { gate, call, vendor } = await startFederation(t, entraOnBehalfOf);
  vendor.answerWith((response) => {
    const body = { error: 'unauthorized_client', error_description: 'AADSTS7000114: no', error_codes: [7_000_114] };
    response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  t.equal((await refusal(gate().broker.arm(call()))).reason, 'subject_app_only');
});

test('a claims challenge reaches the client as one, in base64', async (t) => {
  const { gate, call, vendor } = await startFederation(t, entraOnBehalfOf);
  const claims = '{"access_token":{"polids":{"essential":true,"values":["bd8d9305"]}}}';
  vendor.demand(claims);
  const refused = await refusal(gate().broker.arm(call()));
  t.match(refused, { reason: 'step_up_demanded', status: 401 });
  t.equal(refused.challenge, `error="insufficient_claims", claims="${btoa(claims)}"`);
  vendor.demand(undefined);
});

test('a challenge that fits no header, or quotes what was sent, is told without it', async (t) => {
  const { gate, call, vendor, world, alice } = await startFederation(t, entraOnBehalfOf);
  const { broker } = gate();
  for (const claims of [`{"x":"${'y'.repeat(3_000)}"}`, JSON.stringify({ x: alice.token.reveal() })]) {
    vendor.demand(claims);
    const refused = await refusal(broker.arm(call()));
    t.notOk(refused.challenge?.includes('claims='), 'neither long nor leaking');
    world.clock.pass(5);
  }
});

test('a tenant cannot lead elsewhere, and http is for this machine', async (t) => {
  const { gate, entry } = await startFederation(t, entraOnBehalfOf);
  t.notOk(exchangeSchema.safeParse(entry({ tenant: '../evil' })).success);
  t.match(gate({ authority: 'http://login.internal' }).problems, [
    { path: ['exchanges', 'corp', 'authority'] },
    { path: ['exchanges', 'corp', 'issuer'] },
    { path: ['exchanges', 'corp', 'token_endpoint'] },
  ]);
});
