// The gate at Keycloak's standard token exchange, which takes no notice of an actor: `verify: strict` refuses what it issues
// for a user, `verify: record` passes it and says so. docs/concepts/issuers.md tells what is seen here.

import { test } from 'tap';
import { openai, qdrant, serviceAccounts } from '../../scripts/interop/realm.ts';
import { accessTokenUrn, headerOf } from '../support/sts-issuer.ts';
import { expectContract } from './contract.ts';
import { importRealm } from './keycloak.ts';
import { startWorld } from './world.ts';

const issuer = await importRealm('agents');
const { planner, researcher } = serviceAccounts;

const forQdrant = { audience: qdrant, scope: 'vectors.read' };
const unverified = { credential: { verification: { mode: 'record', findings: ['issued_actor_missing'] } } };

expectContract(issuer);

test('what it issues: the user, the audience and the scope asked for, and nothing of the actor', async (t) => {
  const { token } = await issuer.user();
  const actor = { actor_token: await issuer.agent('planner'), actor_token_type: accessTokenUrn };
  const { body, claims } = await issuer.exchange(token, { ...forQdrant, ...actor });
  const { access_token, ...answer } = body;
  const members = ['exp', 'iat', 'jti', 'iss', 'aud', 'sub', 'typ', 'azp', 'sid', 'scope'];
  t.strictSame(Object.keys(claims).sort(), members.sort());
  t.match(claims, { sub: issuer.alice, aud: qdrant, azp: 'postern', scope: 'vectors.read', typ: 'Bearer' });
  t.match(headerOf(String(access_token)), { alg: 'RS256', typ: 'JWT' });
  t.match(answer, { token_type: 'Bearer', issued_token_type: accessTokenUrn, scope: 'vectors.read' });
  // Five minutes of Keycloak's, counted down to the second of its answer.
  t.ok([299, 300].includes(Number(answer['expires_in'])), String(answer['expires_in']));
  t.notOk(answer['refresh_token']);
});

test('what it issues is the same without an actor token, and with one that is none', async (t) => {
  const { token } = await issuer.user();
  const fresh = { exp: 0, iat: 0, jti: '' };
  const without = await issuer.exchange(token, forQdrant);
  const nonsense = await issuer.exchange(token, { ...forQdrant, actor_token: 'nonsense' });
  t.equal(nonsense.status, 200);
  t.strictSame({ ...nonsense.claims, ...fresh }, { ...without.claims, ...fresh });
});

test('what it issues outlives the user token it was made from', async (t) => {
  const { token } = await issuer.user('short-lived');
  const { body } = await issuer.exchange(token, forQdrant);
  t.equal(body['expires_in'], 300);
});

test('a client with the switch for it gets tokens typed at+jwt', async (t) => {
  const { token } = await issuer.user();
  const { body } = await issuer.exchange(token, forQdrant, 'postern-at-jwt');
  t.match(headerOf(String(body['access_token'])), { typ: 'at+jwt' });
});

test('verify: strict refuses a token that does not say who acts, and nothing reaches the API', async (t) => {
  const world = await startWorld(t, issuer);
  const { token: user } = await issuer.user();
  const told = await world.call('openai', { agent: await issuer.agent('planner'), user });
  t.strictSame(told, [502, 'credential_unverified']);
  t.equal(world.received.length, 0);
  t.match(await world.record(), { decision: 'error', reason: 'issued_actor_missing', actors: [{ sub: planner }] });
});

for (const actor_token of ['send', 'omit']) {
  test(`verify: record passes it and says so in the audit record (actor_token: ${actor_token})`, async (t) => {
    const world = await startWorld(t, issuer, { route: { verify: 'record' }, exchange: { actor_token } });
    const { token: user } = await issuer.user();
    t.strictSame(await world.call('openai', { agent: await issuer.agent('planner'), user }), [200, null]);
    t.match(await world.record(), {
      decision: 'allow',
      actors: [{ sub: planner }],
      binding: 'audience',
      ...unverified,
    });
  });
}

test('two hops: the second token knows the user and no agent, the records know the way', async (t) => {
  const world = await startWorld(t, issuer, { route: { verify: 'record' } });
  const { token: user } = await issuer.user();
  t.strictSame(await world.call('researcher', { agent: await issuer.agent('planner'), user }), [200, null]);
  const handed = world.received[0];
  t.match(handed?.claims, { aud: 'researcher', azp: 'postern' }, 'the gate holds it, so the gate may exchange it');
  const next = { agent: await issuer.agent('researcher'), user: handed?.token ?? '' };
  t.strictSame(await world.call('qdrant', next), [200, null]);

  t.match(world.received[1]?.claims, { sub: issuer.alice, aud: qdrant, sid: handed?.claims['sid'] });
  const [first, second] = await world.records();
  t.match(first, { actors: [{ sub: planner }], ...unverified });
  t.strictSame(second?.['actors'], [{ iss: issuer.issuer, sub: researcher }], 'planner stands in no token');
  t.match(second, { subject: { sub: issuer.alice }, ...unverified });
  t.equal(second?.['parent_id'], first?.['delegation_id'], 'but the audit records join: planner handed this token on');
  t.equal(second?.['root_id'], first?.['root_id']);
});

test('a token of the user for somebody else than the gate cannot be exchanged', async (t) => {
  const world = await startWorld(t, issuer, { route: { verify: 'record' } });
  const { token: user } = await issuer.signIn('app-without-gate');
  const told = await world.call('openai', { agent: await issuer.agent('planner'), user });
  t.strictSame(told, [403, 'access_denied']);
  t.match(await world.record(), { reason: 'exchange_denied', detail: /access_denied: Client is not within/ });
});

test('may_act of the user token binds the agent it names, and no other', async (t) => {
  const world = await startWorld(t, issuer, { route: { verify: 'record' } });
  const { token: user } = await issuer.signIn('app-may-act');
  t.strictSame(await world.call('openai', { agent: await issuer.agent('planner'), user }), [200, null]);
  const other = await world.call('openai', { agent: await issuer.agent('researcher'), user });
  t.strictSame(other, [403, 'delegation_refused']);
  t.match(await world.records(), [{ binding: 'may_act', ...unverified }, { reason: 'may_act_mismatch' }]);
});

test('what an agent got for itself counts as the token of a user at the next hop', async (t) => {
  const world = await startWorld(t, issuer, { route: { verify: 'record' } });
  t.strictSame(await world.call('researcher', { agent: await issuer.agent('planner') }), [200, null]);
  const handed = world.received[0];
  t.notOk(handed?.claims['client_id'], 'only the token that a client gets for its credentials has it');
  const next = { agent: await issuer.agent('researcher'), user: handed?.token ?? '' };
  t.strictSame(await world.call('qdrant', next), [200, null]);
  const [, second] = await world.records();
  t.match(second, { caller: { sub: researcher }, subject: { kind: 'user', sub: planner } });
});

test('caller_claim: azp takes the app that the user signed in to for the caller', async (t) => {
  const world = await startWorld(t, issuer, { route: { verify: 'record' }, trust: { caller_claim: 'azp' } });
  const { token } = await issuer.user();
  t.strictSame(await world.call('openai', { agent: token }), [200, null]);
  t.match(await world.record(), { binding: 'caller_claim', caller: { sub: 'app' }, actors: [{ sub: 'app' }] });
});

test('audience only filters: of the audiences that the scopes bring, one is left', async (t) => {
  const scopes = ['model.invoke', 'vectors.read'];
  const world = await startWorld(t, issuer, { route: { scopes } });
  t.strictSame(await world.call('qdrant', { agent: await issuer.agent('planner') }), [200, null]);
  t.equal(world.received[0]?.claims.aud, qdrant);
  const { claims } = await issuer.exchange(await issuer.agent('planner'), { scope: scopes.join(' ') });
  t.strictSame([claims['aud']].flat().sort(), [openai, qdrant], 'without the parameter, all of them');
});

test('an audience that no scope of the route brings is a fault of the configuration', async (t) => {
  const world = await startWorld(t, issuer, { route: { scopes: ['model.invoke'] } });
  const told = await world.call('qdrant', { agent: await issuer.agent('planner') });
  t.strictSame(told, [503, 'credential_unavailable']);
  const detail = /invalid_request: Requested audience not available/;
  t.match(await world.record(), { reason: 'exchange_misconfigured', detail });
});

test('an audience that is no client of the realm is told from a client that was rejected', async (t) => {
  const world = await startWorld(t, issuer, { route: { audience: 'nobody' } });
  const told = await world.call('openai', { agent: await issuer.agent('planner') });
  t.strictSame(told, [503, 'credential_unavailable']);
  const detail = 'invalid_client: Audience not found';
  t.match(await world.record(), { reason: 'exchange_audience_unknown', detail });
});

test('resource is not looked at: a token for another audience is not accepted', async (t) => {
  const world = await startWorld(t, issuer, { route: { resource: 'https://other.example' } });
  const told = await world.call('openai', { agent: await issuer.agent('planner') });
  t.strictSame(told, [502, 'credential_unverified']);
  t.match(await world.record(), { reason: 'issued_audience_mismatch' });
});

test('default scopes of the client of the gate widen every token', async (t) => {
  const client = { ...issuer.client('client_secret_basic'), id: 'postern-as-created' };
  const world = await startWorld(t, issuer, { exchange: { client } });
  const told = await world.call('openai', { agent: await issuer.agent('planner') });
  t.strictSame(told, [502, 'credential_unverified']);
  t.match(await world.record(), { reason: 'issued_scope_widened' });
});

test('a scope that the user token does not have is granted all the same', async (t) => {
  const { token } = await issuer.user();
  const { claims } = await issuer.exchange(token, forQdrant);
  t.equal(claims['scope'], 'vectors.read');
});

test('with the downscoping policy, only what the user token has', async (t) => {
  const executors = [{ executor: 'downscope-assertion-grant-enforcer', configuration: {} }];
  await issuer.admin('PUT', '/client-policies/profiles', { profiles: [{ name: 'downscope', executors }] });
  const conditions = [{ condition: 'any-client', configuration: {} }];
  const policy = { name: 'downscope', enabled: true, conditions, profiles: ['downscope'] };
  await issuer.admin('PUT', '/client-policies/policies', { policies: [policy] });
  t.teardown(() => issuer.admin('PUT', '/client-policies/policies', { policies: [] }));

  const world = await startWorld(t, issuer, { route: { verify: 'record' } });
  const { token: user } = await issuer.user();
  const told = await world.call('openai', { agent: await issuer.agent('planner'), user });
  t.strictSame(told, [403, 'access_denied']);
  t.match(await world.record(), { reason: 'exchange_denied', detail: /^invalid_scope: .*not present/ });
});
