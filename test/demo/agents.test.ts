import { type Test, test } from 'tap';
import { createOwnToken } from '../../demo/agents/own-token.ts';
import { runPlanner } from '../../demo/agents/planner.ts';
import { startResearcher } from '../../demo/agents/researcher.ts';
import { startAnthropic } from '../../demo/upstreams/anthropic.ts';
import { startMcp } from '../../demo/upstreams/mcp.ts';
import { startOpenAi } from '../../demo/upstreams/openai.ts';
import { startQdrant } from '../../demo/upstreams/qdrant.ts';
import type { Upstream } from '../../demo/upstreams/serve.ts';
import { systemClock } from '../../src/base/ports.ts';
import { type StandInRoute, startStandInGate } from '../support/demo-gate.ts';
import { traceparent } from '../support/demo-world.ts';
import { rejection } from '../support/rejection.ts';
import { planner, researcher, startIssuer } from '../support/sts-issuer.ts';

const scopes = new Map([
  ['openai', 'model.invoke'],
  ['anthropic', 'model.invoke'],
  ['qdrant', 'vectors.read'],
  ['mcp', 'tools.call'],
]);

/** @param options.withMcp starting the MCP server takes a second: only where a test gets that far. */
async function startWorld(t: Test, { withMcp = false } = {}) {
  const audiences = [...scopes].map(([id, scope]): object => ({ id, scopes: [scope] }));
  const config = { audiences: [...audiences, { id: 'agent:researcher' }] };
  const issuer = await startIssuer(t, config, systemClock);
  const routes = new Map<string, StandInRoute>();
  const gate = await startStandInGate(t, issuer, routes);
  const trust = { issuer: issuer.issuer, jwksUri: issuer.jwksUri };
  const tokenOf = (client: typeof planner) =>
    createOwnToken({ tokenEndpoint: issuer.tokenEndpoint, clientId: client.id, clientSecret: client.secret });

  const openai = await startOpenAi({ ...trust, audience: 'openai' });
  const qdrant = await startQdrant({ ...trust, audience: 'qdrant' });
  const others = {
    anthropic: await startAnthropic({ ...trust, audience: 'anthropic' }),
    ...(withMcp ? { mcp: await startMcp({ ...trust, audience: 'mcp' }) } : {}),
  };
  const upstreams: Record<string, Upstream> = { openai, qdrant, ...others };
  for (const [name, { url }] of Object.entries(upstreams)) {
    routes.set(name, { upstream: url, audience: name, scope: scopes.get(name) });
  }

  const audience = 'agent:researcher';
  const paths = { mcp: '/mcp/mcp' };
  const agent = await startResearcher({ ...trust, audience, gate, paths, ownToken: tokenOf(researcher) });
  routes.set('researcher', { upstream: agent.url, audience, scope: undefined });
  const running = [...Object.values(upstreams), agent];
  t.teardown(() => Promise.all(running.map((server) => server.close())));
  return { issuer, gate, openai, qdrant, mcp: others.mcp, upstreams, agent, ownToken: tokenOf(planner) };
}

test('a user, two agents and four APIs: every hop has its own token and the whole chain', async (t) => {
  const { issuer, gate, openai, qdrant, mcp, upstreams, agent, ownToken } = await startWorld(t, { withMcp: true });
  const audience = ['postern', 'agent:planner'];
  const userToken = await issuer.mint({ sub: 'alice', audience, claims: { txn: 'txn-1' } });
  const question = 'What is a confused deputy?';
  const transcript = await runPlanner({ gate, ownToken, userToken, question, traceparent });

  t.strictSame(
    transcript.steps.map((step) => `${step.agent}: ${step.call}`),
    [
      'planner: openai chat',
      'planner: researcher',
      'researcher: openai embeddings',
      'researcher: qdrant query',
      'researcher: mcp echo',
      'researcher: anthropic messages',
    ],
  );
  t.match(transcript.answer, /confused deputy\? Use this source: A confused deputy uses/);

  const hops = Object.values(upstreams).flatMap((upstream) => upstream.received());
  t.ok(hops.every(({ outcome }) => outcome === 'accepted'));
  t.ok(hops.every((fact) => fact.hop?.sub === 'alice' && fact.traceparent === traceparent));
  t.ok(
    [...hops, ...agent.received()].every(({ hop }) => hop?.txn === 'txn-1'),
    'one transaction across all hops',
  );
  t.ok(hops.every(({ headerNames }) => !headerNames.includes('postern-subject-token')));

  t.strictSame(
    agent.received().map(({ hop }) => hop?.actors),
    [['agent:planner']],
  );
  const [chat, embeddings] = openai.received();
  t.match(chat?.hop, { actors: ['agent:planner'], audiences: ['openai'], scopes: ['model.invoke'] });
  t.match(embeddings?.hop, { actors: ['agent:researcher', 'agent:planner'] });
  t.match(qdrant.received()[0]?.hop, { audiences: ['qdrant'], scopes: ['vectors.read'] });
  t.match(mcp?.received()[0]?.hop, { actors: ['agent:researcher', 'agent:planner'], scopes: ['tools.call'] });
  const secrets = [userToken, await ownToken()].flatMap((token) => token.split('.').slice(1));
  for (const part of secrets) t.notOk(JSON.stringify([transcript, hops]).includes(part), 'no token is told');
});

test('the researcher takes no token that was made for somebody else', async (t) => {
  const { issuer, agent } = await startWorld(t);
  const ask = async (token: string) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ question: 'x' });
    return (await fetch(`${agent.url}/research`, { method: 'POST', headers, body })).status;
  };
  const act = { sub: 'agent:planner' };
  t.equal(await ask(await issuer.mint({ sub: 'alice', audience: 'agent:planner', act })), 401);
  t.equal(await ask(await issuer.mint({ sub: 'alice', audience: 'agent:researcher' })), 401, 'nobody acts');
  t.equal(await ask('sk-live-key'), 401);
  t.strictSame(
    agent.received().map(({ outcome }) => outcome),
    ['wrong_audience', 'no_actor', 'malformed'],
  );
});

test('a user who limits the scope limits every agent after the first', async (t) => {
  const { issuer, gate, ownToken } = await startWorld(t);
  const userToken = await issuer.mint({ sub: 'alice', audience: ['postern', 'agent:planner'], scope: 'model.invoke' });
  const failure = await rejection(runPlanner({ gate, ownToken, userToken, question: 'x' }));
  t.match(failure.message, /researcher answered 502.*qdrant answered 403/);
});

test('an agent the user did not name gets nowhere', async (t) => {
  const { issuer, gate, ownToken, openai } = await startWorld(t);
  const userToken = await issuer.mint({ sub: 'alice', audience: ['postern', 'agent:researcher'] });
  t.match(await rejection(runPlanner({ gate, ownToken, userToken, question: 'x' })), { status: 403 });
  t.strictSame(openai.received(), []);
});
