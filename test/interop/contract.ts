// What holds at every issuer, whatever it does with `actor_token`: the gate finds it by its metadata, is its client in three
// ways, asks for one audience and the scopes of the route, and knows a subject that may not be used.

import { test } from 'tap';
import { openai, qdrant, shortLife } from '../../scripts/interop/realm.ts';
import { clientMethods, type InteropIssuer } from './issuer.ts';
import { clockAhead, startWorld } from './world.ts';

/** Findings do not matter here; what the issuer does about the actor is told by its own tests. */
const record = { verify: 'record' };

export function expectContract(issuer: InteropIssuer): void {
  test('keys and token endpoint are found by the metadata of the issuer', async (t) => {
    const { app } = await startWorld(t, issuer);
    const { ready, trust, exchanges } = await app.readiness();
    t.ok(ready);
    t.match([...trust, ...exchanges], [{ ready: true }, { ready: true }]);
  });

  test('an agent acting for itself gets a token for one audience, without an actor', async (t) => {
    const world = await startWorld(t, issuer);
    t.strictSame(await world.call('openai', { agent: await issuer.agent('planner') }), [200, null]);
    const [received] = world.received;
    t.match(received?.claims, { sub: issuer.agents.planner, aud: openai, scope: 'model.invoke' });
    t.notOk(received?.claims['act']);
    t.match(await world.record(), {
      binding: 'self',
      actors: [],
      credential: { scopes_granted: ['model.invoke'], verification: { mode: 'strict', findings: [] } },
    });
  });

  test('an agent acting for a user is bound by the audience of the token of the user', async (t) => {
    const world = await startWorld(t, issuer, { route: record });
    const { token: user } = await issuer.user();
    const agent = await issuer.agent('planner');
    t.strictSame(await world.call('openai', { agent, user }), [200, null]);
    t.strictSame(await world.call('qdrant', { agent, user }), [200, null]);
    t.match(
      world.received.map(({ claims: { sub, aud, scope } }) => ({ sub, aud, scope })),
      [
        { sub: issuer.alice, aud: openai, scope: 'model.invoke' },
        { sub: issuer.alice, aud: qdrant, scope: 'vectors.read' },
      ],
      'each API gets a token for itself alone',
    );
    const bound = { binding: 'audience', caller: { sub: issuer.agents.planner }, subject: { sub: issuer.alice } };
    t.match(await world.records(), [bound, bound]);
  });

  test('a sidecar is its agent, and needs only the token of the user', async (t) => {
    const ownToken = await issuer.agent('planner');
    const world = await startWorld(t, issuer, { route: record, ownToken });
    const { token } = await issuer.user();
    t.strictSame(await world.call('openai', { agent: token }), [200, null]);
    const caller = { kind: 'workload', sub: issuer.agents.planner };
    t.match(await world.record(), { binding: 'audience', caller, subject: { kind: 'user', sub: issuer.alice } });
  });

  for (const method of clientMethods) {
    test(`the gate is a client by ${method}`, async (t) => {
      const client = issuer.client(method);
      const world = await startWorld(t, issuer, { exchange: { client } });
      const agent = await issuer.agent('planner', String(client['id']));
      t.strictSame(await world.call('openai', { agent }), [200, null]);
    });
  }

  test('a wrong client secret is the fault of the gate, not of the caller', async (t) => {
    const client = { ...issuer.client('client_secret_basic'), secret: 'wrong' };
    const world = await startWorld(t, issuer, { exchange: { client } });
    const told = await world.call('openai', { agent: await issuer.agent('planner') });
    t.strictSame(told, [503, 'credential_unavailable']);
    t.match(await world.record(), { reason: 'issuer_rejected_client' });
  });

  test('a user token that names another agent, or none, is not for this agent', async (t) => {
    const world = await startWorld(t, issuer, { route: record });
    const { token: forPlanner } = await issuer.user('for-planner');
    const { token: forNobody } = await issuer.user('for-nobody');
    for (const user of [forPlanner, forNobody]) {
      const told = await world.call('openai', { agent: await issuer.agent('researcher'), user });
      t.strictSame(told, [403, 'delegation_refused']);
    }
    t.match(await world.records(), [{ reason: 'actor_not_bound' }, { reason: 'actor_not_bound' }]);
  });

  test('an expired user token is refused by the gate itself', async (t) => {
    const clock = clockAhead();
    const world = await startWorld(t, issuer, { route: record, clock });
    const { token: user } = await issuer.user('short-lived');
    const agent = await issuer.agent('planner');
    clock.set(shortLife * 2); // past the tolerance for clocks that differ
    t.strictSame(await world.call('openai', { agent, user }), [401, 'credential_expired']);
    t.match(await world.record(), { reason: 'token_expired' });
  });

  test('a user token of an ended session is refused by the issuer, and the caller is told to get another', async (t) => {
    const world = await startWorld(t, issuer, { route: record });
    const user = await issuer.user();
    await user.revoke();
    const told = await world.call('openai', { agent: await issuer.agent('planner'), user: user.token });
    t.strictSame(told, [401, 'credential_invalid']);
    t.match(await world.record(), { reason: 'subject_token_rejected' });
  });
}
