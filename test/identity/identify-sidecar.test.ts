// Who is calling through a sidecar: its agent, whose identity it holds. What the agent puts in the key slot may be anything.

import { type Test, test } from 'tap';
import { agentSub, identityWorld, presenting, reasonOf, stripped, type World } from '../support/identity-world.ts';

async function sidecarWorld(t: Test): Promise<World> {
  let own = '';
  const world = await identityWorld(t, {
    identity: { mode: 'sidecar', token_file: '/token' },
    readFile: async () => own,
  });
  own = await world.issuer.mint({ sub: agentSub, jti: 'own' });
  return world;
}

test('without a token the agent calls for itself, whatever its SDK says', async (t) => {
  const { identity } = await sidecarWorld(t);
  for (const call of [
    presenting(undefined),
    presenting('placeholder'),
    stripped(['x-api-key', 'sk-dummy'], '/?key=none'),
  ]) {
    const known = await identity.identify(call);
    t.match(known, { binding: 'self', caller: { sub: agentSub }, subjectToken: { jti: 'own' } });
    t.strictSame(known.chain.actors, []);
  }
});

test('with a user token, in either place, the agent acts for the user', async (t) => {
  const { identity, issuer } = await sidecarWorld(t);
  const user = await issuer.mint();
  for (const call of [presenting(user), presenting(undefined, user), presenting('placeholder', user)]) {
    const known = await identity.identify(call);
    t.match(known, {
      binding: 'sidecar',
      caller: { sub: agentSub },
      subject: { sub: 'alice' },
      actorToken: { jti: 'own' },
    });
    t.match(known.chain.actors, [{ sub: agentSub }]);
  }
});

test('the binding is recorded as strong as the token makes it', async (t) => {
  const { identity, issuer } = await sidecarWorld(t);
  const binding = async (claims: object) =>
    (await identity.identify(presenting(await issuer.mint({ ...claims })))).binding;
  t.equal(await binding({ aud: ['postern', agentSub] }), 'audience');
  t.equal(await binding({ may_act: { sub: agentSub } }), 'may_act');
  t.equal(await binding({ act: { sub: agentSub } }), 'sidecar', 'the token already names this agent as the actor');
});

test("another workload's token is a subject, and must name us", async (t) => {
  const { identity, issuer } = await sidecarWorld(t);
  const other = { sub: 'spiffe://corp/ns/other' };
  t.equal(await reasonOf(identity.identify(presenting(await issuer.mint(other)))), 'actor_not_bound');
  const bound = await identity.identify(presenting(await issuer.mint({ ...other, aud: ['postern', agentSub] })));
  t.match(bound, { binding: 'audience', caller: { sub: agentSub }, subject: { kind: 'workload', ...other } });
});

test("the agent's own token is the agent", async (t) => {
  const { identity, issuer } = await sidecarWorld(t);
  const mine = await issuer.mint({ sub: agentSub, jti: 'mine' });
  t.match(await identity.identify(presenting(mine)), { binding: 'self', subjectToken: { jti: 'mine' } });
  t.match(await identity.identify(presenting(mine, await issuer.mint())), {
    binding: 'sidecar',
    subject: { sub: 'alice' },
  });
});

test('a caller with a token of its own is that caller, bound as everywhere', async (t) => {
  const { identity, issuer } = await sidecarWorld(t);
  const tool = await issuer.mint({ sub: 'spiffe://corp/tool' });
  t.equal(await reasonOf(identity.identify(presenting(tool, await issuer.mint()))), 'actor_not_bound');
  const bound = await identity.identify(
    presenting(tool, await issuer.mint({ aud: ['postern', 'spiffe://corp/tool'] })),
  );
  t.match(bound, { binding: 'audience', caller: { sub: 'spiffe://corp/tool' } });
});

test('a user token in the key slot is no caller beside another', async (t) => {
  const { identity, issuer } = await sidecarWorld(t);
  const call = presenting(await issuer.mint(), await issuer.mint({ sub: 'bob' }));
  t.equal(await reasonOf(identity.identify(call)), 'caller_not_authenticated');
});

test('a token that fails is never a placeholder', async (t) => {
  const { identity, issuer } = await sidecarWorld(t);
  const token = await issuer.mint();
  t.equal(await reasonOf(identity.identify(presenting(token.slice(0, -6)))), 'token_signature_invalid');
  t.equal(await reasonOf(identity.identify(presenting(token.slice(0, 40)))), 'token_malformed', 'cut in the header');
  t.equal(await reasonOf(identity.identify(presenting(await issuer.mint({ exp: 2, iat: 1 })))), 'token_expired');
});
