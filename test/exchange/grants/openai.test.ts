// OpenAI federation, member by member (openai 7.57.0, src/auth/workload-identity-auth.ts).

import { test } from 'tap';
import { exchangeSchema } from '../../../src/exchange/schema.ts';
import { openai, startFederation } from '../../support/exchange-federation.ts';
import { openaiIds } from '../../support/exchange-vendors/openai.ts';

test('the request has the members the SDK sends, and no other', async (t) => {
  const { gate, call, vendor, alice } = await startFederation(t, openai);
  await gate({ client_id: 'app_1' }).broker.arm(call({ scopes: ['model.invoke'] }));
  t.match(vendor.received[0], { method: 'POST', path: '/oauth/token', encoding: 'json' });
  t.strictSame(vendor.received[0]?.body, {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: alice.token.reveal(),
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    ...openaiIds,
    client_id: 'app_1',
  });
});

test('it goes to auth.openai.com unless somebody wrote another place', (t) => {
  const parsed = exchangeSchema.parse({ grant: 'openai', ...openaiIds });
  t.match(parsed, { token_endpoint: 'https://auth.openai.com/oauth/token', subject_token_type: 'jwt' });
  t.notOk(exchangeSchema.safeParse({ grant: 'openai', identity_provider_id: 'idp' }).success, 'both ids are needed');
  t.end();
});

test('the credential never outlives the subject token, nor the actor token', async (t) => {
  const { gate, call, world } = await startFederation(t, openai);
  const { broker } = gate();
  const subject = await world.issuer.mint('alice', { audience: openai.audience, lifetime: 100 });
  await broker.arm(call({ subject }));
  world.clock.pass(79);
  t.equal((await broker.arm(call({ subject }))).cache, 'hit');
  world.clock.pass(1);
  t.equal((await broker.arm(call({ subject }))).cache, 'miss');

  const actor = await world.issuer.mint('agent', { kind: 'workload', lifetime: 50 });
  await broker.arm(call({ actor }));
  world.clock.pass(41);
  t.equal((await broker.arm(call({ actor }))).cache, 'miss');
});

test('two agents of one user do not share what was issued for one of them', async (t) => {
  const { gate, call, world } = await startFederation(t, openai);
  const { broker } = gate();
  await broker.arm(call());
  const actor = await world.issuer.mint('other-agent', { kind: 'workload' });
  t.equal((await broker.arm(call({ actor }))).cache, 'miss');
  t.equal(broker.forget({ iss: world.issuer.url, sub: 'other-agent' }), 1, 'and each can be revoked');
});
