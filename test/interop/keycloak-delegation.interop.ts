// The gate at a Keycloak with its experimental delegation features on. In 26.7 they let a user consent to an actor, which
// the token of the user then names in `may_act`; the token endpoint does not look at it. The gate does.

import { test } from 'tap';
import { qdrant, serviceAccounts } from '../../scripts/interop/realm.ts';
import { accessTokenUrn } from '../support/sts-issuer.ts';
import { expectContract } from './contract.ts';
import { importRealm } from './keycloak.ts';
import { signInWithConsent } from './sign-in.ts';
import { startWorld } from './world.ts';

const issuer = await importRealm('agents');
const { planner } = serviceAccounts;
const signedIn = await signInWithConsent(issuer.issuer, 'openid delegation:service-account-planner');

expectContract(issuer);

test('the user is asked, and the token names the actor', (t) => {
  t.match(signedIn.question, /service-account-planner/);
  t.match(signedIn.claims, { sub: issuer.alice, may_act: { sub: planner } });
  t.end();
});

test('an actor that may not impersonate users is consented to and then left out: nobody may act', async (t) => {
  const { token, claims, question } = await signInWithConsent(
    issuer.issuer,
    'openid delegation:service-account-researcher',
  );
  t.match(question, /service-account-researcher/);
  t.match(claims, { scope: 'openid' });
  t.notOk(claims['may_act']);
  const world = await startWorld(t, issuer, { route: { verify: 'record' } });
  const told = await world.call('openai', { agent: await issuer.agent('researcher'), user: token });
  t.strictSame(told, [403, 'delegation_refused']);
  t.match(await world.record(), { reason: 'actor_not_bound' });
});

test('the token endpoint takes any actor, or none, and names none', async (t) => {
  const actors = [await issuer.agent('planner'), await issuer.agent('researcher'), undefined];
  for (const actor_token of actors) {
    const actor = actor_token === undefined ? {} : { actor_token, actor_token_type: accessTokenUrn };
    const { status, claims } = await issuer.exchange(signedIn.token, {
      audience: qdrant,
      scope: 'vectors.read',
      ...actor,
    });
    t.equal(status, 200);
    t.match(claims, { sub: issuer.alice, aud: qdrant });
    t.notOk(claims['act'] ?? claims['may_act']);
  }
});

test('the gate lets the actor of the consent act, and no other agent', async (t) => {
  const world = await startWorld(t, issuer, { route: { verify: 'record' } });
  const user = signedIn.token;
  t.strictSame(await world.call('openai', { agent: await issuer.agent('planner'), user }), [200, null]);
  const other = await world.call('openai', { agent: await issuer.agent('researcher'), user });
  t.strictSame(other, [403, 'delegation_refused']);
  const findings = ['issued_actor_missing'];
  t.match(await world.records(), [
    { binding: 'may_act', actors: [{ sub: planner }], credential: { verification: { findings } } },
    { reason: 'may_act_mismatch' },
  ]);
});

test('verify: strict still refuses: the token does not say who acts', async (t) => {
  const world = await startWorld(t, issuer);
  const told = await world.call('openai', { agent: await issuer.agent('planner'), user: signedIn.token });
  t.strictSame(told, [502, 'credential_unverified']);
  t.match(await world.record(), { reason: 'issued_actor_missing' });
});
