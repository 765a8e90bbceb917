// Who may call and for whom: shared and sidecar gates, routes for users and routes for agents alone, and what is denied when
// nobody said otherwise.

import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { apiRoute, calls, onlyCall, startE2e, told } from '../support/e2e-world.ts';
import { clockAt, start } from '../support/sts-issuer.ts';

test('shared: a lone user token has no caller', async (t) => {
  const world = await startE2e(t);
  for (const call of [
    { agent: null },
    { agent: await world.user(), user: null },
    { agent: await world.user(), user: await world.user('bob') },
  ]) {
    const answer = await world.call('/api', call);
    t.equal(answer.status, 401);
    t.match(answer.headers.get('www-authenticate'), /^Bearer realm="postern"/);
  }
  t.strictSame(world.upstream.received, []);
  const reasons = calls((await world.end()).records).map((record) => record['reason']);
  t.strictSame(reasons, ['caller_not_authenticated', 'caller_not_authenticated', 'caller_not_authenticated']);
});

test('shared: an agent may act for itself where the route does not ask for a user', async (t) => {
  const world = await startE2e(t);
  const answer = await world.call('/api', { user: null });
  t.equal(answer.status, 200);
  t.match(world.upstream.received[0]?.claims, { sub: 'agent:planner', aud: 'api', act: undefined });
  t.match(onlyCall((await world.end()).records), { binding: 'self', actors: [], subject: { kind: 'workload' } });
});

test('on_behalf_of: required wants a user, never wants none', async (t) => {
  const world = await startE2e(t, {
    config: (places) => ({
      routes: [
        apiRoute(places, { name: 'users', path: '/users', on_behalf_of: 'required' }),
        apiRoute(places, { name: 'agents', path: '/agents', on_behalf_of: 'never' }),
      ],
    }),
  });
  t.equal((await world.call('/users')).status, 200);
  t.strictSame(told(await world.call('/users', { user: null })), [401, 'subject_required']);
  t.equal((await world.call('/agents', { user: null })).status, 200);
  t.strictSame(told(await world.call('/agents')), [403, 'access_denied']);
  const reasons = calls((await world.end()).records).map((record) => record['reason']);
  t.strictSame(reasons, [undefined, 'subject_missing', undefined, 'subject_not_allowed']);
});

test('deny by default: no token, no route, no rule that holds', async (t) => {
  const world = await startE2e(t, {
    config: (places) => ({
      routes: [apiRoute(places, { allow: [{ id: 'reading', when: 'request.method == "GET"' }] })],
    }),
  });
  t.strictSame(told(await world.call('/api', { agent: null, user: null })), [401, 'credential_required']);
  t.strictSame(told(await world.call('/elsewhere')), [404, 'route_not_found']);
  t.strictSame(told(await world.call('/api', { method: 'DELETE' })), [403, 'access_denied']);
  t.strictSame(world.upstream.received, []);
  t.equal(world.issuer.asked.length, 0, 'nothing was exchanged for a call that was refused');
  t.equal((await world.call('/api')).status, 200);
  const reasons = calls((await world.end()).records).map((record) => record['reason']);
  t.strictSame(reasons, ['token_missing', 'route_unmatched', 'policy_denied', undefined]);
});

test('a caller that names its user, its actor or its chain in headers is not believed', async (t) => {
  const world = await startE2e(t);
  const headers = {
    'postern-actor': 'agent:admin',
    'x-forwarded-user': 'user:root',
    'x-on-behalf-of': 'user:root',
    'x-actor-chain': 'agent:admin',
  };
  t.equal((await world.call('/api', { headers })).status, 200);
  t.match(world.upstream.received[0]?.claims, { sub: 'user:alice', act: { sub: 'agent:planner' } });
  for (const name of Object.keys(headers))
    t.notOk(world.upstream.received[0]?.headers[name], `${name} went no further`);
});

test('sidecar: the gate speaks for the agent beside it, with a token that rotates', async (t) => {
  const clock = clockAt(start);
  const world = await startE2e(t, {
    clock,
    config: ({ folder }) => ({ identity: { mode: 'sidecar', token_file: join(folder, 'token') } }),
  });
  const file = join(world.folder, 'token');
  const rotate = async (name: string) => {
    writeFileSync(`${file}.next`, await world.agent(name, { ttl: 600 }));
    renameSync(`${file}.next`, file);
  };

  t.strictSame(told(await world.call('/api', { agent: null })), [503, 'credential_unavailable'], 'no token yet');
  await rotate('planner');
  t.equal((await world.call('/api', { agent: null })).status, 200, 'a lone user token is enough beside one agent');
  t.match(world.upstream.received.at(-1)?.claims, { sub: 'user:alice', act: { sub: 'agent:planner' } });
  t.equal((await world.call('/api', { agent: null, user: null })).status, 200);
  t.match(world.upstream.received.at(-1)?.claims, { sub: 'agent:planner' });

  await rotate('researcher');
  clock.advance(10);
  const user = await world.user('alice', 'agent:researcher');
  t.equal((await world.call('/api', { agent: null, user })).status, 200);
  t.match(world.upstream.received.at(-1)?.claims, { act: { sub: 'agent:researcher' } }, 'the new token is in use');

  writeFileSync(file, 'garbage');
  clock.advance(700);
  t.strictSame(told(await world.call('/api', { agent: null, user: null })), [503, 'credential_unavailable']);
  const { records } = await world.end();
  t.strictSame(
    calls(records).map(({ binding, reason }) => binding ?? reason),
    ['own_identity_unavailable', 'may_act', 'self', 'may_act', 'own_identity_unavailable'],
  );
});

test('sidecar: another workload token does not make its presenter somebody', async (t) => {
  const world = await startE2e(t, {
    config: ({ folder }) => {
      writeFileSync(join(folder, 'token'), '');
      return { identity: { mode: 'sidecar', token_file: join(folder, 'token') } };
    },
  });
  writeFileSync(join(world.folder, 'token'), await world.agent('planner'));
  const answer = await world.call('/api', { agent: await world.agent('researcher'), user: null });
  t.strictSame(told(answer), [403, 'delegation_refused']);
  t.match(onlyCall((await world.end()).records), { reason: 'actor_not_bound' });
});
