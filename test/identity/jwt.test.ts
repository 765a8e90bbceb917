// Verification of one token: a valid one, and one mutation per story.

import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { type Claims, startSeconds } from '../support/identity-issuer.ts';
import { agentSub, identityWorld, reasonOf } from '../support/identity-world.ts';

test('a valid token becomes what the stages work with', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const token = await issuer.mint({
    ...{ scope: 'model.invoke model.list', jti: 'j-1', txn: 't-1', aud: ['postern', agentSub] },
    ...{ act: { sub: 'b', act: { sub: 'a', iss: 'https://x' } }, may_act: { sub: agentSub } },
  });

  t.match(await identity.verify(new Secret(token)), {
    principal: { kind: 'user', iss: issuer.url, sub: 'alice', claims: { jti: 'j-1' } },
    actors: [
      { sub: 'b', iss: undefined, claims: { sub: 'b' } },
      { sub: 'a', iss: 'https://x', claims: { sub: 'a', iss: 'https://x' } },
    ],
    audiences: ['postern', agentSub],
    scopes: ['model.invoke', 'model.list'],
    mayAct: { sub: agentSub },
    expiresAt: startSeconds + 300,
    jti: 'j-1',
    txn: 't-1',
    trust: 'corp',
  });
});

test('each claim is checked, and refused by its own reason', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const stories: [string, Claims, string][] = [
    ['wrong audience', { aud: ['someone-else'] }, 'token_audience_mismatch'],
    ['no audience', { aud: undefined }, 'token_audience_mismatch'],
    ['audience of another type', { aud: [1] }, 'token_claims_invalid'],
    ['wrong issuer', { iss: 'https://evil.example' }, 'token_issuer_unknown'],
    ['issuer with a slash more', { iss: `${issuer.url}/` }, 'token_issuer_unknown'],
    ['no issuer', { iss: undefined }, 'token_claims_invalid'],
    ['no subject', { sub: undefined }, 'token_claims_invalid'],
    ['empty subject', { sub: '' }, 'token_claims_invalid'],
    ['subject of another type', { sub: 7 }, 'token_claims_invalid'],
    ['subject that forges a log line', { sub: 'alice\nadmin' }, 'token_claims_invalid'],
    ['subject too long', { sub: 'a'.repeat(1_025) }, 'token_claims_invalid'],
    ['subject of broken Unicode', { sub: '\ud800' }, 'token_claims_invalid'],
    ['expired', { exp: startSeconds - 31 }, 'token_expired'],
    ['no expiry', { exp: undefined }, 'token_claims_invalid'],
    ['expiry as text', { exp: `${startSeconds + 300}` }, 'token_claims_invalid'],
    ['expiry after the end of time', { exp: 1e300 }, 'token_claims_invalid'],
    ['not valid yet', { nbf: startSeconds + 31 }, 'token_not_yet_valid'],
    ['issued in the future', { iat: startSeconds + 31 }, 'token_not_yet_valid'],
    ['issued after it expires', { iat: startSeconds + 20, exp: startSeconds + 10 }, 'token_claims_invalid'],
    ['jti of another type', { jti: 1 }, 'token_claims_invalid'],
    ['scope of another type', { scope: 5 }, 'token_claims_invalid'],
    ['act of another type', { act: 'me' }, 'chain_malformed'],
    ['actor without sub', { act: { client_id: 'x' } }, 'chain_malformed'],
    ['actor with a broken iss', { act: { sub: 'x', iss: 1 } }, 'chain_malformed'],
    ['inner actor without sub', { act: { sub: 'x', act: {} } }, 'chain_malformed'],
  ];
  for (const [story, claims, reason] of stories) {
    t.equal(await reasonOf(identity.verify(new Secret(await issuer.mint(claims)))), reason, story);
  }
});

test('clocks may differ by the skew', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  for (const claims of [{ exp: startSeconds - 29, iat: 1 }, { nbf: startSeconds + 30 }, { iat: startSeconds + 30 }]) {
    t.equal(await reasonOf(identity.verify(new Secret(await issuer.mint(claims)))), 'not refused');
  }
});

test('types are accepted by list, in any spelling of RFC 7515', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const typed = async (typ: unknown) => reasonOf(identity.verify(new Secret(await issuer.mint({}, { typ }))));
  for (const typ of ['at+jwt', 'application/at+JWT', 'JWT', undefined]) t.equal(await typed(typ), 'not refused');
  for (const typ of ['dpop+jwt', 'secevent+jwt', 'txntoken+jwt', 'absent', '']) {
    t.equal(await typed(typ), 'token_type_refused', typ);
  }
  t.equal(await typed(7), 'token_malformed');
});

test('a token older than its entry allows is refused, remembered or not', async (t) => {
  const { identity, issuer, clock } = await identityWorld(t, { trust: () => ({ max_token_age: '1m' }) });
  const token = new Secret(await issuer.mint());
  t.equal(await reasonOf(identity.verify(token)), 'not refused');
  clock.advance(95);
  t.equal(await reasonOf(identity.verify(token)), 'token_expired');
  t.equal(await reasonOf(identity.verify(new Secret(await issuer.mint({ iat: undefined })))), 'token_claims_invalid');
});

test('a verified token is remembered until it expires and not beyond', async (t) => {
  const { identity, issuer, clock } = await identityWorld(t);
  const token = await issuer.mint();
  const first = await identity.verify(new Secret(token));
  t.equal(await identity.verify(new Secret(token)), first, 'the very same facts');
  clock.advance(299);
  t.equal(await identity.verify(new Secret(token)), first);
  clock.advance(32);
  t.equal(await reasonOf(identity.verify(new Secret(token))), 'token_expired');
});

test('a token whose key was withdrawn is not believed for longer than ten minutes', async (t) => {
  const { identity, issuer, clock } = await identityWorld(t);
  const token = new Secret(await issuer.mint({ exp: startSeconds + 7_200 }));
  await identity.verify(token);
  issuer.rotate();
  clock.advance(599);
  t.equal(await reasonOf(identity.verify(token)), 'not refused');
  clock.advance(2);
  t.equal(await reasonOf(identity.verify(token)), 'token_key_unknown');
});

test('entries of one issuer answer for their own audiences', async (t) => {
  const { identity, issuer, problems } = await identityWorld(t, {
    trust: ({ url }) => [
      { name: 'people', issuer: url, audiences: ['people'], principal: 'user' },
      { name: 'agents', issuer: url, audiences: ['agents'], principal: 'workload' },
    ],
  });
  const person = await identity.verify(new Secret(await issuer.mint({ aud: 'people' })));
  const agent = await identity.verify(new Secret(await issuer.mint({ aud: ['x', 'agents'] })));
  t.match(person, { trust: 'people', principal: { kind: 'user' } });
  t.match(agent, { trust: 'agents', principal: { kind: 'workload' } });
  t.equal(issuer.requests.length, 2, 'their keys are fetched once: discovery and JWKS');
  t.strictSame(problems, []);
});

test('a rule that cannot decide refuses', async (t) => {
  const { identity, issuer } = await identityWorld(t, { trust: () => ({ workload_when: 'claims.kind == "agent"' }) });
  t.equal(await reasonOf(identity.verify(new Secret(await issuer.mint()))), 'principal_kind_undecided');
  t.match(await identity.verify(new Secret(await issuer.mint({ kind: 'agent' }))), { principal: { kind: 'workload' } });
});

test('problems of the entries are reported together, by path', async (t) => {
  const { problems, identity, issuer } = await identityWorld(t, {
    trust: ({ url }) => [
      { name: 'a', issuer: url, audiences: ['x', 'y'], principal: 'user' },
      { name: 'a', issuer: url, audiences: ['z', 'y'], principal: 'any', workload_when: 'claims.' },
    ],
  });
  t.strictSame(problems.map(({ path }) => path.join('.')).sort(), [
    'trust.1.audiences',
    'trust.1.name',
    'trust.1.workload_when',
  ]);
  t.equal(await reasonOf(identity.verify(new Secret(await issuer.mint({ aud: 'z' })))), 'principal_kind_undecided');
});
