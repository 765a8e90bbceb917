// Attack: delegation-chain splicing (OAuth WG list, February 2026). RFC 8693 does not tie subject_token to actor_token: a
// compromised agent takes a user token from another flow and presents it with its own, and the issuer signs a chain that
// never was. Both tokens are valid here; only the tie is missing.

import { test } from 'tap';
import { agentSub, identityWorld, presenting, reasonOf } from '../support/identity-world.ts';

const victim = 'spiffe://corp/ns/finance/sa/payer';
const attacker = agentSub;

test("a user token made for another agent does not serve the attacker's", async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const stolen = await issuer.mint({ aud: ['postern', victim] });
  t.equal(
    await reasonOf(identity.identify(presenting(await issuer.mint({ sub: attacker }), stolen))),
    'actor_not_bound',
  );
  t.equal(await reasonOf(identity.identify(presenting(await issuer.mint({ sub: victim }), stolen))), 'not refused');
});

test('the audience of the gate alone ties nobody', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const loose = await issuer.mint({ aud: ['postern'] });
  t.equal(
    await reasonOf(identity.identify(presenting(await issuer.mint({ sub: attacker }), loose))),
    'actor_not_bound',
  );
});

test("a delegated token of another agent's hop does not serve, although its audience is loose", async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const hop = await issuer.mint({ act: { sub: victim } });
  t.equal(await reasonOf(identity.identify(presenting(await issuer.mint({ sub: attacker }), hop))), 'actor_not_bound');
});

test('may_act for another agent refuses, whatever the audience says', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  for (const mayAct of [{ sub: victim }, {}, { sub: [attacker] }, 'anyone', null, [{ sub: attacker }]]) {
    const subject = await issuer.mint({ aud: ['postern', attacker], may_act: mayAct });
    const call = presenting(await issuer.mint({ sub: attacker }), subject);
    t.equal(await reasonOf(identity.identify(call)), 'may_act_mismatch', JSON.stringify(mayAct));
  }
});

test('an agent of the same name at another trusted issuer is not the one meant', async (t) => {
  const { issuer: other } = await identityWorld(t);
  const trust = (issuer: { url: string }) => [
    { name: 'corp', issuer: issuer.url, audiences: ['postern'], principal: 'user' },
    { name: 'lab', issuer: other.url, audiences: ['postern'], principal: 'workload' },
  ];
  const { identity, issuer } = await identityWorld(t, { trust });
  for (const claims of [{ aud: ['postern', 'payer'] }, { may_act: { sub: 'payer' } }]) {
    const call = presenting(await other.mint({ sub: 'payer', client_id: 'payer' }), await issuer.mint(claims));
    t.match(await reasonOf(identity.identify(call)), /actor_not_bound|may_act_mismatch/);
  }
  const meant = await issuer.mint({ may_act: { sub: 'payer', iss: other.url } });
  t.equal(await reasonOf(identity.identify(presenting(await other.mint({ sub: 'payer' }), meant))), 'not refused');
});

test('a user cannot be the actor', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const call = presenting(await issuer.mint({ sub: 'mallory' }), await issuer.mint({ aud: ['postern', 'mallory'] }));
  t.equal(await reasonOf(identity.identify(call)), 'caller_not_authenticated');
});

test("through a sidecar, a token another agent holds is not its agent's to use", async (t) => {
  let own = '';
  const { identity, issuer } = await identityWorld(t, {
    identity: { mode: 'sidecar', token_file: '/token' },
    readFile: async () => own,
  });
  own = await issuer.mint({ sub: attacker });
  const hop = await issuer.mint({ act: { sub: victim } });
  t.equal(await reasonOf(identity.identify(presenting(hop))), 'actor_not_bound');
  const restricted = await issuer.mint({ may_act: { sub: victim } });
  t.equal(await reasonOf(identity.identify(presenting(restricted))), 'may_act_mismatch');
});
