// Who is calling through a shared gate: each caller proves itself on each call, or there is no caller.

import { test } from 'tap';
import { agentSub, identityWorld, presenting, reasonOf, stripped } from '../support/identity-world.ts';

const workload = { sub: agentSub };
const user = { sub: 'alice', aud: ['postern', agentSub] };

test('a workload alone is caller and subject', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const call = await identity.identify(presenting(await issuer.mint(workload)));

  t.equal(call.binding, 'self');
  t.equal(call.caller, call.subject);
  t.match(call.caller, { kind: 'workload', iss: issuer.url, sub: agentSub });
  t.strictSame(call.chain.actors, []);
  t.equal(call.actorToken, undefined);
  t.match(call.chain.rootId, /^[0-9a-f-]{36}$/);
});

test('the caller in the SDK slot, the user beside it', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const subject = await issuer.mint({ ...user, act: { sub: 'agent-a' }, txn: 'txn-1' });
  const call = await identity.identify(presenting(await issuer.mint(workload), subject));

  t.equal(call.binding, 'audience');
  t.match(call.caller, { kind: 'workload', sub: agentSub });
  t.match(call.subject, { kind: 'user', sub: 'alice' });
  t.strictSame(
    call.chain.actors.map(({ sub }) => sub),
    [agentSub, 'agent-a'],
  );
  t.equal(call.chain.rootId, 'txn-1');
  t.equal(call.subjectToken.principal.sub, 'alice');
  t.equal(call.actorToken?.principal.sub, agentSub);
});

test('every SDK slot serves for the caller', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const token = await issuer.mint(workload);
  const calls = [
    stripped(['x-api-key', token]),
    stripped(['api-key', token]),
    stripped(['x-goog-api-key', token]),
    stripped(['Authorization', token]),
    stripped(['Authorization', `Token ${token}`]),
    stripped([], `/v1?key=${token}`),
    stripped([], `/v1?api-key=${token}`),
    stripped([], `/v1?Authorization=Bearer%20${token}`),
    stripped(['Sec-WebSocket-Protocol', `realtime, openai-insecure-api-key.${token}`]),
    stripped(['Sec-WebSocket-Protocol', `token, ${token}`]),
    stripped(['x-api-key', token, 'Authorization', `Bearer ${token}`, 'Cookie', 'session=other']),
    stripped(['Authorization', 'AWS4-HMAC-SHA256 Credential=AKIA/x', 'X-Amz-Security-Token', token]),
  ];
  for (const call of calls) t.equal((await identity.identify(call)).binding, 'self', `in ${call.presented[0]?.slot}`);
});

test('a user alone has no authenticated caller', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const token = await issuer.mint(user);
  t.equal(await reasonOf(identity.identify(presenting(token))), 'caller_not_authenticated');
  t.equal(await reasonOf(identity.identify(presenting(undefined, token))), 'caller_not_authenticated');
});

test('a workload token in the subject slot does not authenticate its presenter', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  t.equal(
    await reasonOf(identity.identify(presenting(undefined, await issuer.mint(workload)))),
    'caller_not_authenticated',
  );
});

test('a delegated token alone is not its subject calling', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const token = await issuer.mint({ ...workload, act: { sub: 'agent-a' } });
  t.equal(await reasonOf(identity.identify(presenting(token))), 'caller_not_authenticated');
});

test("where the entry says so, the user's token names the caller", async (t) => {
  const { identity, issuer } = await identityWorld(t, { trust: () => ({ caller_claim: 'azp' }) });
  const call = await identity.identify(presenting(await issuer.mint({ azp: 'desk-agent' })));
  t.equal(call.binding, 'caller_claim');
  t.match(call.caller, { kind: 'workload', iss: issuer.url, sub: 'desk-agent' });
  t.match(call.chain.actors, [{ sub: 'desk-agent', iss: issuer.url }]);
  t.equal(call.actorToken, undefined);

  t.equal(await reasonOf(identity.identify(presenting(await issuer.mint()))), 'caller_not_authenticated');
  const restricted = await issuer.mint({ azp: 'desk-agent', may_act: { sub: 'somebody' } });
  t.equal(await reasonOf(identity.identify(presenting(restricted))), 'may_act_mismatch');
});

test("a client certificate names the caller, and the user's token must name it too", async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const withPeer = (token: string) => stripped(['Authorization', `Bearer ${token}`], undefined, agentSub);
  const call = await identity.identify(withPeer(await issuer.mint(user)));
  t.match(call, {
    binding: 'peer_certificate',
    caller: { iss: 'spiffe://corp', sub: agentSub },
    subject: { sub: 'alice' },
  });

  t.equal(await reasonOf(identity.identify(withPeer(await issuer.mint()))), 'actor_not_bound');
  t.equal((await identity.identify(withPeer(await issuer.mint(workload)))).binding, 'self');
  const another = await issuer.mint({ sub: 'spiffe://corp/other' });
  t.equal(await reasonOf(identity.identify(withPeer(another))), 'actor_not_bound', "another workload's token");
});

test('nothing presented, or nothing that is ours to judge', async (t) => {
  const { identity } = await identityWorld(t);
  for (const call of [
    stripped([]),
    stripped(['Cookie', 'session=x', 'Proxy-Authorization', 'Basic eDp5', 'x-vault-token', 'hvs.x']),
    stripped(['x-api-key', '']),
  ]) {
    t.equal(await reasonOf(identity.identify(call)), 'token_missing');
  }
});

test('an API key is no token', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  t.equal(await reasonOf(identity.identify(presenting('sk-live-key'))), 'token_malformed');
  t.equal(await reasonOf(identity.identify(presenting('sk-live-key', await issuer.mint(user)))), 'token_malformed');
  t.equal(await reasonOf(identity.identify(stripped(['Authorization', 'Basic dXNlcjpwYXNz']))), 'token_malformed');
});

test('two slots that disagree choose nobody', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const one = await issuer.mint(workload);
  const two = await issuer.mint({ sub: 'spiffe://corp/other' });
  for (const call of [
    stripped(['Authorization', `Bearer ${one}`, 'x-api-key', two]),
    stripped(['Authorization', `Bearer ${one}`, 'Authorization', `Bearer ${two}`]),
    stripped(['Authorization', `Bearer ${one}`], `/v1?key=${two}`),
    stripped(['Authorization', `Bearer ${one}`, 'x-api-key', 'sk-placeholder']),
    stripped(['Authorization', `Bearer ${one}`, 'Postern-Subject-Token', one, 'postern-subject-token', two]),
  ]) {
    t.equal(await reasonOf(identity.identify(call)), 'token_ambiguous');
  }
});

test('a subject token that fails is never left aside', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const own = await issuer.mint(workload);
  t.equal(await reasonOf(identity.identify(presenting(own, 'garbage'))), 'token_malformed');
  t.equal(await reasonOf(identity.identify(presenting(own, await issuer.mint({ exp: 5, iat: 1 })))), 'token_expired');
});

test('one token in both places is one token', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const token = await issuer.mint(workload);
  t.equal((await identity.identify(presenting(token, token))).binding, 'self');
});

test('two tokens of one workload are that workload', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const call = presenting(await issuer.mint(workload), await issuer.mint({ ...workload, jti: '2' }));
  t.equal((await identity.identify(call)).binding, 'self');
});

test('hops of one subject token share a root, hops of two do not', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const root = async (claims: object) => {
    const call = presenting(await issuer.mint(workload), await issuer.mint({ ...user, ...claims }));
    return (await identity.identify(call)).chain.rootId;
  };
  t.equal(await root({ jti: 'one' }), await root({ jti: 'one', act: { sub: 'agent-a' } }));
  t.not(await root({ jti: 'one' }), await root({ jti: 'two' }));
  t.not(await root({}), await root({}), 'nothing to join them by');
  t.equal(await root({ jti: 'two', txn: 'txn-1' }), 'txn-1', 'what the token carries on goes first');
});
