// Attack: the caller writes its own chain. Headers that name an actor or a user (OBO headers, forwarded certificates), an
// unverified act, or a chain made shorter, circular or endless, so that audit and policy see another story.

import { test } from 'tap';
import { agentSub, identityWorld, presenting, reasonOf, stripped } from '../support/identity-world.ts';

const toUs = { aud: ['postern', agentSub] };

/** Nested act: first is outermost. */
function acting(...subs: string[]): object | undefined {
  return subs.reduceRight<object | undefined>(
    (act, sub) => ({ sub, ...(act === undefined ? {} : { act }) }),
    undefined,
  );
}

test("a caller's word about actor, user or chain counts for nothing", async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const words = [
    ...[
      'X-Forwarded-User',
      'ceo',
      'X-Forwarded-Client-Cert',
      'URI=spiffe://corp/admin',
      'X-Spiffe-Id',
      'spiffe://corp/admin',
    ],
    ...['Postern-Actor', 'admin', 'Postern-Subject', 'ceo', 'X-Actor-Token', 'x.y.z', 'X-On-Behalf-Of', 'ceo'],
    ...['Txn-Token', 'x.y.z', 'Workload-Identity-Token', 'x.y.z', 'Client-Cert', ':MIIB:'],
  ];
  const own = await issuer.mint({ sub: agentSub });
  const call = await identity.identify(stripped([...words, 'Authorization', `Bearer ${own}`]));
  t.match(call, { binding: 'self', caller: { sub: agentSub }, chain: { actors: [] } });
  t.strictSame(call.headers, ['X-On-Behalf-Of', 'ceo'], "the one name left is the upstream's affair");
});

test('the prior chain is carried whole: nothing is dropped, reordered or renamed', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const subject = await issuer.mint({
    ...toUs,
    act: { sub: 'c', x: 1, act: { sub: 'b', iss: 'https://b', act: { sub: 'a' } } },
  });
  const { chain } = await identity.identify(presenting(await issuer.mint({ sub: agentSub }), subject));
  t.strictSame(
    chain.actors.map(({ claims }) => claims),
    [{ iss: issuer.url, sub: agentSub }, { sub: 'c', x: 1 }, { sub: 'b', iss: 'https://b' }, { sub: 'a' }],
  );
  t.strictSame(chain.prior, chain.actors.slice(1));
});

test('a chain that would be too deep is refused, never shortened', async (t) => {
  const { identity, issuer } = await identityWorld(t, { identity: { max_chain_depth: 3 } });
  const own = await issuer.mint({ sub: agentSub });
  const through = async (...subs: string[]) =>
    reasonOf(identity.identify(presenting(own, await issuer.mint({ ...toUs, act: acting(...subs) }))));
  t.equal(await through('b', 'a'), 'not refused');
  t.equal(await through('c', 'b', 'a'), 'chain_too_deep');
  t.equal(await through(agentSub, 'b', 'a'), 'not refused', 'already outermost: not added again');
  t.equal(await through(agentSub, 'c', 'b', 'a'), 'chain_too_deep');
});

test('nobody is in a chain twice', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const own = await issuer.mint({ sub: agentSub });
  const through = async (act: object | undefined, claims = {}) =>
    reasonOf(identity.identify(presenting(own, await issuer.mint({ ...toUs, act, ...claims }))));
  t.equal(await through(acting('b', agentSub, 'a')), 'chain_loop', 'the caller was here before');
  t.equal(await through(acting('a', 'a')), 'chain_loop');
  t.equal(await through(acting(agentSub, agentSub)), 'chain_loop');
  t.equal(await through(acting('b', 'alice')), 'chain_loop', 'the subject acts for itself through others');
  t.equal(await through(acting('b'), { sub: agentSub }), 'chain_loop', 'the caller acts for itself through others');
  t.equal(await through({ sub: 'b', iss: issuer.url, act: { sub: 'b' } }), 'chain_loop', 'with and without its issuer');
  t.equal(await through({ sub: 'b', iss: 'https://other', act: { sub: 'b' } }), 'not refused', 'another b');
});

test("a caller's own token that is itself delegated names no single actor", async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const own = await issuer.mint({ sub: agentSub, act: { sub: 'somebody' } });
  t.equal(await reasonOf(identity.identify(presenting(own, await issuer.mint(toUs)))), 'chain_malformed');
});
