// The federations that are forms or JSON with other names: OpenRouter, Hugging Face, Databricks. What each is sent.

import { test } from 'tap';
import { exchangeSchema } from '../../../src/exchange/schema.ts';
import { databricks, huggingface, openrouter, startFederation } from '../../support/exchange-federation.ts';
import { databricksPrincipal } from '../../support/exchange-vendors/databricks.ts';
import { openrouterPolicy } from '../../support/exchange-vendors/openrouter.ts';

const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange';
const type = (name: string) => `urn:ietf:params:oauth:token-type:${name}`;

test('openrouter: a form with the policy, a quarter of an hour at most', async (t) => {
  const { gate, call, vendor, alice } = await startFederation(t, openrouter);
  const { credential } = await gate().broker.arm(call());
  t.match(vendor.received[0], { path: '/api/v1/oauth/token', encoding: 'form' });
  t.strictSame(vendor.received[0]?.body, {
    grant_type,
    subject_token: alice.token.reveal(),
    subject_token_type: type('jwt'),
    federation_policy_id: openrouterPolicy,
  });
  t.equal(credential.facts.lifetime, 900);
});

test('huggingface: JSON, an ID token, and the resource it is scoped to', async (t) => {
  const { gate, call, vendor, alice } = await startFederation(t, huggingface);
  await gate().broker.arm(call());
  t.match(vendor.received[0], { path: '/oauth/token', encoding: 'json' });
  t.strictSame(vendor.received[0]?.body, {
    grant_type,
    subject_token_type: type('id_token'),
    subject_token: alice.token.reveal(),
    resource: 'acme-ci',
  });
});

test('databricks: a form with the service principal, all-apis unless the route names scopes', async (t) => {
  const { gate, call, vendor, alice } = await startFederation(t, databricks);
  await gate().broker.arm(call());
  t.strictSame(vendor.received[0]?.body, {
    grant_type,
    subject_token: alice.token.reveal(),
    subject_token_type: type('jwt'),
    scope: 'all-apis',
    client_id: databricksPrincipal,
  });
  await gate({ client_id: undefined }).broker.arm(call({ scopes: ['sql', 'files'] }));
  t.match(vendor.received[1]?.body, { scope: 'files sql' });
  t.notOk('client_id' in (vendor.received[1]?.body ?? {}), 'the mapped user then');
});

test('each vendor is asked at its own place unless somebody wrote another', (t) => {
  const places: Record<string, object> = {
    'https://openrouter.ai/api/v1/oauth/token': { grant: 'openrouter', federation_policy_id: 'p' },
    'https://huggingface.co/oauth/token': { grant: 'huggingface', resource: 'acme' },
    'https://sts.googleapis.com/v1/token': { grant: 'google', audience: '//iam.googleapis.com/projects/1/x' },
  };
  for (const [place, entry] of Object.entries(places)) t.match(exchangeSchema.parse(entry), { token_endpoint: place });
  t.notOk(exchangeSchema.safeParse({ grant: 'databricks' }).success, 'a workspace has no common place');
  t.end();
});
