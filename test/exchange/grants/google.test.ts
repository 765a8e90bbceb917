// Google: the Security Token Service, and a service account's token in place of the federated one (google-auth-library
// 10.9.1, stscredentials.js and baseexternalclient.js).

import { test } from 'tap';
import { exchangeSchema } from '../../../src/exchange/schema.ts';
import { google, startFederation } from '../../support/exchange-federation.ts';
import { recordingObservation } from '../../support/exchange-observation.ts';
import {
  cloudPlatform,
  googleAccount,
  googleProvider,
  startGoogleVendor,
} from '../../support/exchange-vendors/google.ts';
import { refusal } from '../../support/exchange-world.ts';

const readOnly = 'https://www.googleapis.com/auth/devstorage.read_only';

test('the federated token is asked for as the library does, without an actor', async (t) => {
  const { gate, call, vendor, alice } = await startFederation(t, google);
  await gate({ user_project: 'acme-billing' }).broker.arm(call());
  t.match(vendor.received[0], { path: '/v1/token', encoding: 'form' });
  t.strictSame(vendor.received[0]?.body, {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    audience: googleProvider,
    scope: cloudPlatform,
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token: alice.token.reveal(),
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    options: '{"userProject":"acme-billing"}',
  });
});

test('without a service account the scopes of the route are the federated token’s own', async (t) => {
  const { gate, call, vendor } = await startFederation(t, google);
  await gate().broker.arm(call({ scopes: [readOnly] }));
  t.match(vendor.received[0]?.body, { scope: readOnly });
});

test('a service account: two legs, two spans, and the end that the second answer tells', async (t) => {
  const { gate, call, vendor, world } = await startFederation(t, google);
  const { broker } = gate({ service_account: googleAccount, lifetime: '10m', delegates: ['via@acme.iam.example'] });
  const observation = recordingObservation();

  const { credential } = await broker.arm(call({ scopes: [readOnly], observation }));

  t.match(vendor.received[0]?.body, { scope: cloudPlatform }, 'impersonation needs it, whatever is wanted in the end');
  const second = vendor.received[1];
  t.equal(second?.path, `/v1/projects/-/serviceAccounts/${googleAccount}:generateAccessToken`);
  t.strictSame(second?.body, {
    scope: [readOnly],
    lifetime: '600s',
    delegates: ['projects/-/serviceAccounts/via@acme.iam.example'],
  });
  t.ok(vendor.federated.of(second?.headers.authorization), 'the federated token is the proof');
  t.strictSame(
    vendor.received.map(({ headers }) => headers['traceparent']),
    observation.exchanges.map(({ traceparent }) => traceparent),
  );
  t.strictSame(
    observation.exchanges.map(({ start, outcome }) => [start.exchange, start.grant, outcome]),
    [
      ['corp', 'google', 'succeeded'],
      ['corp', 'google_impersonation', 'succeeded'],
    ],
  );
  t.equal(credential.facts.expiresAt, world.clock.now() / 1_000 + 600);
  t.match(credential.facts, { grant: 'google_impersonation', audience: googleAccount, via: [{ grant: 'google' }] });
  t.ok(vendor.tokens.of(`Bearer ${credential.secret?.reveal()}`));
});

test('the federated token is used again for another scope of the same call’s parties', async (t) => {
  const { gate, call, vendor } = await startFederation(t, google);
  const { broker } = gate({ service_account: googleAccount });
  await broker.arm(call({ scopes: [readOnly] }));
  await broker.arm(call({ scopes: [cloudPlatform] }));
  t.equal(vendor.received.filter(({ path }) => path === '/v1/token').length, 2, 'scopes are in every key');
  t.equal(vendor.tokens.count(), 2);
});

test('a service account the identity may not act as: denied, in Google’s own words', async (t) => {
  const { gate, call } = await startFederation(t, {
    ...google,
    start: ({ clock }, trust) => startGoogleVendor({ clock, trust, mayImpersonate: false }),
  });
  const refused = await refusal(gate({ service_account: googleAccount }).broker.arm(call()));
  t.match(refused, { reason: 'exchange_denied', status: 403, detail: /^PERMISSION_DENIED: Permission/ });
});

test('an answer without an end, or with a token no header can carry, is no answer', async (t) => {
  const { gate, call, vendor, world } = await startFederation(t, google);
  const { broker } = gate({ service_account: googleAccount });
  for (const body of [{ accessToken: 'x' }, { accessToken: 'a\r\nb', expireTime: '2026-11-21T13:00:00Z' }, []]) {
    vendor.answerWith((response, { path }) => {
      const answer = path === '/v1/token' ? { access_token: 'f', token_type: 'Bearer', expires_in: 60 } : body;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
    t.equal((await refusal(broker.arm(call()))).reason, 'issuer_answer_malformed');
    world.clock.pass(5);
  }
});

test('limits of the configuration', (t) => {
  const entry = { grant: 'google', audience: googleProvider, service_account: googleAccount };
  const accepts = (changes: object) => exchangeSchema.safeParse({ ...entry, ...changes }).success;
  t.ok(accepts({}));
  t.notOk(accepts({ lifetime: '13h' }));
  t.notOk(accepts({ service_account: 'research@acme/../other' }), 'it becomes part of a URL');
  t.notOk(accepts({ audience: 'https://iam.googleapis.com/x' }), 'a resource name, not a URL');
  t.end();
});
