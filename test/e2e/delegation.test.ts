// The chain of delegation over real hops: each agent's call goes through the gate, each next agent gets a token made for it,
// and every upstream sees the same user with every agent so far, outermost first.

import { test } from 'tap';
import { answering } from '../support/e2e-issuer.ts';
import { apiRoute, calls, onlyCall, type Places, startE2e, told, type World } from '../support/e2e-world.ts';

const agentRoute = (places: Places, name: string) =>
  apiRoute(places, { name, path: `/${name}`, audience: `agent:${name}`, scopes: [], on_behalf_of: 'required' });

const withAgents = (places: Places) => ({
  routes: [apiRoute(places), agentRoute(places, 'researcher'), agentRoute(places, 'writer')],
});

/** The token the last upstream received. */
function lastToken({ upstream }: World): string {
  return upstream.received.at(-1)?.token ?? '';
}

function lastClaims({ upstream }: World): Record<string, unknown> {
  return upstream.received.at(-1)?.claims ?? {};
}

test('one hop: the user is the subject and the agent the actor', async (t) => {
  const world = await startE2e(t);
  const answer = await world.call('/api/things?page=2', { method: 'POST', body: '{"a":1}' });
  t.equal(answer.status, 200);
  t.strictSame(await answer.json(), { ok: true });

  const { issuer } = world.issuer;
  t.match(world.upstream.received, [{ method: 'POST', url: '/things?page=2', body: Buffer.from('{"a":1}') }]);
  t.match(lastClaims(world), {
    sub: 'user:alice',
    act: { sub: 'agent:planner', iss: issuer },
    aud: 'api',
    scope: 'read',
  });
  const { records } = await world.end();
  t.match(onlyCall(records), {
    decision: 'allow',
    rule: 'anyone',
    caller: { kind: 'workload', sub: 'agent:planner' },
    subject: { kind: 'user', sub: 'user:alice' },
    actors: [{ sub: 'agent:planner' }],
    binding: 'may_act',
    cache: 'miss',
    status: 200,
    credential: { audience: 'api', verification: { mode: 'strict', findings: [] } },
  });
});

test('two hops: the next agent acts for the same user, behind the first', async (t) => {
  const world = await startE2e(t, { config: withAgents });
  t.equal((await world.call('/researcher/research', { method: 'POST' })).status, 200);
  t.match(lastClaims(world), { sub: 'user:alice', aud: 'agent:researcher', act: { sub: 'agent:planner' } });

  const answer = await world.call('/api', { agent: await world.agent('researcher'), user: lastToken(world) });
  t.equal(answer.status, 200);
  t.match(lastClaims(world), {
    sub: 'user:alice',
    aud: 'api',
    act: { sub: 'agent:researcher', act: { sub: 'agent:planner' } },
  });
  const hops = calls((await world.end()).records);
  t.match(hops, [
    { actors: [{ sub: 'agent:planner' }], binding: 'may_act' },
    { actors: [{ sub: 'agent:researcher' }, { sub: 'agent:planner' }], binding: 'audience' },
  ]);
  t.ok(hops[0]?.['root_id']);
  t.equal(hops[0]?.['root_id'], hops[1]?.['root_id'], 'one id joins the hops');
  t.equal(hops[1]?.['parent_id'], hops[0]?.['delegation_id'], 'each hop names the grant it derives from');
});

test('three hops: every agent so far is in the last token, outermost first', async (t) => {
  const world = await startE2e(t, { config: withAgents });
  await world.call('/researcher');
  await world.call('/writer', { agent: await world.agent('researcher'), user: lastToken(world) });
  const answer = await world.call('/api', { agent: await world.agent('writer'), user: lastToken(world) });
  t.equal(answer.status, 200);
  t.match(lastClaims(world), {
    sub: 'user:alice',
    aud: 'api',
    act: { sub: 'agent:writer', act: { sub: 'agent:researcher', act: { sub: 'agent:planner' } } },
  });
  const { records } = await world.end();
  t.strictSame(new Set(calls(records).map((record) => record['root_id'])).size, 1);
});

test('a route may admit fewer actors than a chain has', async (t) => {
  const world = await startE2e(t, {
    config: (places) => ({
      routes: [apiRoute(places, { limits: { chain_depth: 1 } }), agentRoute(places, 'researcher')],
    }),
  });
  t.equal((await world.call('/api')).status, 200);
  await world.call('/researcher');
  const answer = await world.call('/api', { agent: await world.agent('researcher'), user: lastToken(world) });
  t.strictSame(told(answer), [403, 'delegation_refused']);
  t.match(calls((await world.end()).records).at(-1), { decision: 'deny', reason: 'chain_too_deep' });
});

test('a token made for one agent is of no use to another', async (t) => {
  const world = await startE2e(t, { config: withAgents });
  await world.call('/researcher');
  const answer = await world.call('/api', { agent: await world.agent('writer'), user: lastToken(world) });
  t.strictSame(told(answer), [403, 'delegation_refused']);
  t.equal(world.upstream.received.length, 1);
  t.match(calls((await world.end()).records).at(-1), { reason: 'actor_not_bound' });
});

test('what an upstream received opens nothing at the gate', async (t) => {
  const world = await startE2e(t);
  await world.call('/api');
  const received = lastToken(world);
  t.strictSame(told(await world.call('/api', { agent: received, user: null })), [401, 'credential_invalid']);
  t.strictSame(told(await world.call('/api', { user: received })), [401, 'credential_invalid']);
  const reasons = calls((await world.end()).records).map((record) => record['reason']);
  t.strictSame(reasons, [undefined, 'token_audience_mismatch', 'token_audience_mismatch']);
});

test('an agent does not join a chain twice', async (t) => {
  const world = await startE2e(t, { config: withAgents });
  const issuer = world.issuer.issuer;
  const inner = { sub: 'agent:researcher', iss: issuer, act: { sub: 'agent:planner', iss: issuer } };
  const looping = await world.user('alice', 'agent:planner', { mayAct: undefined, act: inner });
  t.strictSame(told(await world.call('/api', { user: looping })), [403, 'delegation_refused']);
  t.match(onlyCall((await world.end()).records), { reason: 'chain_loop' });
});

test('an issuer that drops the actor is found out, and its token goes nowhere', async (t) => {
  const world = await startE2e(t);
  const impersonating = await world.issuer.mint({ sub: 'user:alice', audience: 'api', scope: 'read' });
  world.issuer.answerWith(
    answering(200, {
      access_token: impersonating,
      token_type: 'Bearer',
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      expires_in: 300,
    }),
  );
  const answer = await world.call('/api');
  t.strictSame(told(answer), [502, 'credential_unverified']);
  t.strictSame(world.upstream.received, []);
  t.match(onlyCall((await world.end()).records), { reason: 'issued_actor_missing' });
});

test('where the route says record, it passes and the record says what was wrong', async (t) => {
  const world = await startE2e(t, {
    config: (places) => ({ routes: [apiRoute(places, { verify: 'record' })] }),
  });
  const impersonating = await world.issuer.mint({ sub: 'user:alice', audience: 'api', scope: 'read' });
  world.issuer.answerWith(answering(200, { access_token: impersonating, token_type: 'Bearer', expires_in: 300 }));
  t.equal((await world.call('/api')).status, 200);
  t.match(onlyCall((await world.end()).records), {
    decision: 'allow',
    credential: { verification: { mode: 'record', findings: ['issued_actor_missing'] } },
  });
});
