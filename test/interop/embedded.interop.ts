// The gate at its own embedded issuer: the whole chain stands in the token, and `verify: strict` holds at every hop.

import { test, t as whole } from 'tap';
import { qdrant } from '../../scripts/interop/realm.ts';
import { expectContract } from './contract.ts';
import { startEmbedded } from './embedded.ts';
import { startWorld } from './world.ts';

const issuer = await startEmbedded();
whole.teardown(() => issuer.close());

expectContract(issuer);

test('two hops: each token names every agent so far, outermost first', async (t) => {
  const world = await startWorld(t, issuer);
  const { token: user } = await issuer.user();
  t.strictSame(await world.call('researcher', { agent: await issuer.agent('planner'), user }), [200, null]);
  const handed = world.received[0]?.token ?? '';
  t.strictSame(await world.call('qdrant', { agent: await issuer.agent('researcher'), user: handed }), [200, null]);

  const { planner, researcher } = issuer.agents;
  const iss = issuer.issuer;
  t.match(world.received[1]?.claims, {
    sub: issuer.alice,
    aud: qdrant,
    act: { sub: researcher, iss, act: { sub: planner, iss } },
  });
  const verification = { mode: 'strict', findings: [] };
  const [first, second] = await world.records();
  t.match(first, { actors: [{ sub: planner }], credential: { verification } });
  t.match(second, { actors: [{ sub: researcher }, { sub: planner }], credential: { verification } });
  t.equal(first?.['root_id'], second?.['root_id'], 'one id joins the hops');
});

test('an audience that the issuer does not know is not to be had', async (t) => {
  const world = await startWorld(t, issuer, { route: { audience: 'nobody' } });
  t.strictSame(await world.call('openai', { agent: await issuer.agent('planner') }), [403, 'access_denied']);
  t.match(await world.record(), { reason: 'exchange_denied', detail: /^invalid_target/ });
});

test('a scope that the audience does not have is not to be had', async (t) => {
  const world = await startWorld(t, issuer, { route: { scopes: ['vectors.write'] } });
  t.strictSame(await world.call('qdrant', { agent: await issuer.agent('planner') }), [403, 'access_denied']);
  t.match(await world.record(), { reason: 'exchange_denied', detail: /^invalid_scope/ });
});
