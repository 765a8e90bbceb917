// Agents that hold nothing: a user calls an agent, the agent calls an API for the user, and what the agent ever had in its hands
// opens nothing but its own gate.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { readStream } from '../support/e2e-stream.ts';
import { apiRoute, calls, onlyCall, told } from '../support/e2e-world.ts';
import { callsOn, canariesOf, inboundSection, startInboundWorld } from '../support/inbound-world.ts';
import { clockAt, start } from '../support/sts-issuer.ts';

test('the agent calls on for its user, and never sees a token', async (t) => {
  const world = await startInboundWorld(t);
  const act = { sub: 'agent:front', iss: world.issuer.issuer };
  const token = await world.user('alice', 'agent:planner', { act });
  const answer = await world.callAgent({
    token,
    path: `/ask?access_token=${token}&q=weather`,
    method: 'POST',
    headers: { cookie: `session=${token}`, 'x-api-key': token, 'x-forwarded-access-token': token },
    body: 'what is new?',
  });
  t.equal(answer.status, 200);
  t.equal(await answer.text(), '{"ok":true}');

  const [asked] = world.agentBehind.received;
  t.match(asked, { method: 'POST', url: '/ask?q=weather', body: 'what is new?', handle: /^psh_[\w-]{43}$/ });
  t.match(asked?.headers['traceparent'], /^00-/);
  const seenByAgent = JSON.stringify([world.agentBehind.received, answer.status]);
  for (const canary of canariesOf(token)) t.notOk(seenByAgent.includes(canary), 'no part of the token');

  const [got] = world.upstream.received;
  t.match(got?.claims, { sub: 'user:alice', aud: 'api', act: { sub: 'agent:planner', act: { sub: 'agent:front' } } });

  const { records, spans } = await world.end();
  const [outbound, inbound] = calls(records);
  t.match(inbound, {
    route: 'inbound',
    binding: 'bearer',
    caller: { sub: 'agent:front' },
    subject: { sub: 'user:alice' },
  });
  t.match(inbound, { credential: { kind: 'handle', grant: 'handle' }, rule: 'anyone', decision: 'allow', status: 200 });
  t.match(outbound, {
    route: 'api',
    binding: 'handle',
    caller: { sub: 'agent:planner' },
    subject: { sub: 'user:alice' },
  });
  t.match(outbound?.['actors'], [{ sub: 'agent:planner' }, { sub: 'agent:front' }]);
  t.equal(outbound?.['root_id'], inbound?.['root_id'], 'one delegation');
  t.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1 + 1, 'the agent made no spans to join its two calls by');

  const handle = asked?.handle ?? '';
  const told = [world.log, records, spans, world.upstream.received, world.issuer.asked.map(({ form }) => [...form])];
  const trail = JSON.stringify(told) + readFileSync(join(world.folder, 'audit.jsonl'), 'utf8');
  t.notOk(trail.includes(handle), 'the handle is in no log, record, span, exchange or upstream request');
});

test('two users at once, each with what is theirs', async (t) => {
  const world = await startInboundWorld(t);
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const arrived = Promise.withResolvers<void>();
  world.agentBehind.behave(async (request, response, gate) => {
    const turn = Promise.withResolvers<void>();
    gates.set(request.url, turn);
    if (gates.size === 2) arrived.resolve();
    await turn.promise;
    await callsOn(request, response, gate);
  });
  const answers = [
    world.callAgent({ token: await world.user('alice'), path: '/alice' }),
    world.callAgent({ token: await world.user('bob'), path: '/bob' }),
  ];
  await arrived.promise;
  for (const path of ['/alice', '/bob']) {
    gates.get(path)?.resolve();
    await answers[path === '/alice' ? 0 : 1];
  }
  t.strictSame(
    world.upstream.received.map(({ claims }) => claims['sub']),
    ['user:alice', 'user:bob'],
    'although bob came in last',
  );
});

test('whoever may not call the agent is told so, and the agent not called', async (t) => {
  const inbound = {
    audiences: ['agent:planner'],
    on_behalf_of: 'required',
    allow: [{ id: 'not-mallory', when: 'subject.sub != "user:mallory"' }],
  };
  const world = await startInboundWorld(t, { inbound });
  const stories: [string, string | null, number, string][] = [
    ['no token', null, 401, 'credential_required'],
    ['garbage', 'garbage', 401, 'credential_invalid'],
    ["another agent's", await world.user('alice', 'agent:writer'), 401, 'credential_invalid'],
    ['expired', await world.user('alice', 'agent:planner', { ttl: -600 }), 401, 'credential_expired'],
    ['a workload for itself', await world.agent('front', { audience: 'agent:planner' }), 401, 'subject_required'],
    ['not allowed', await world.user('mallory'), 403, 'access_denied'],
  ];
  for (const [story, token, status, code] of stories) {
    const answer = await world.callAgent({ token });
    t.strictSame(told(answer), [status, code], story);
    t.equal(answer.headers.get('content-type'), 'application/problem+json', story);
    t.equal(answer.headers.has('www-authenticate'), status === 401, story);
  }
  t.strictSame(world.agentBehind.received, []);
  t.equal((await world.callAgent()).status, 200);
  const reasons = calls((await world.end()).records).map((record) => record['reason']);
  t.strictSame(reasons.slice(0, 6), [
    ...['token_missing', 'token_malformed', 'token_audience_mismatch', 'token_expired', 'subject_missing'],
    'policy_denied',
  ]);
});

test('answers stream, and a long request does', async (t) => {
  const world = await startInboundWorld(t);
  const next = Promise.withResolvers<void>();
  world.agentBehind.behave(async ({ body }, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: ${body.length}\n\n`);
    await next.promise;
    response.end('data: two\n\n');
  });
  const answer = await world.callAgent({ method: 'POST', body: 'x'.repeat(1_000_000) });
  const reader = readStream(answer);
  await reader.until('1000000');
  next.resolve();
  t.match(await reader.rest(), /data: two/);
});

test("a challenge of the agent's reaches its caller, and a handle in its answer does not", async (t) => {
  const world = await startInboundWorld(t);
  const challenge = 'Bearer error="insufficient_user_authentication", max_age=60';
  world.agentBehind.behave(({ handle }, response) => {
    response.writeHead(401, { 'www-authenticate': challenge, 'content-type': 'text/plain', 'x-debug': handle });
    response.end(`refused ${handle}`);
  });
  const answer = await world.callAgent();
  t.equal(answer.status, 401);
  t.equal(answer.headers.get('www-authenticate'), challenge);
  t.match(await answer.text(), /^refused \*+$/);
  t.notOk(answer.headers.has('x-debug'));
});

test('an MCP session outlives a token, for the same user only', async (t) => {
  const clock = clockAt(start);
  const world = await startInboundWorld(t, { clock });
  const handles: string[] = [];
  world.agentBehind.behave(({ handle, headers }, response) => {
    handles.push(handle);
    response.writeHead(200, { 'mcp-session-id': headers['mcp-session-id'] ?? 'agent-session-1' });
    response.end();
  });
  const first = await world.user('alice', 'agent:planner', { ttl: 120 });
  const session = (await world.callAgent({ token: first })).headers.get('mcp-session-id') ?? '';
  t.match(session, /^agent-session-1~/);
  const within = (token: string) => world.callAgent({ token, headers: { 'mcp-session-id': session } });

  t.equal((await within(first)).status, 200);
  clock.advance(100);
  t.equal((await within(await world.user('alice', 'agent:planner', { ttl: 120 }))).status, 200);
  t.equal(new Set(handles).size, 1, 'the client that the agent made at the beginning still works');
  t.equal(world.agentBehind.received.at(-1)?.headers['mcp-session-id'], 'agent-session-1');

  const refused = await within(await world.user('bob'));
  t.strictSame(told(refused), [404, 'session_not_found']);
  t.equal(handles.length, 3, 'bob did not reach it');
});

test('a handle outlives a reload, and is judged by what is trusted then', async (t) => {
  const world = await startInboundWorld(t);
  await world.callAgent({ token: await world.user('alice', 'agent:planner', { audience: 'agent:planner' }) });
  const handle = world.agentBehind.received[0]?.handle ?? '';
  const use = async () => told(await world.call('/api', { agent: handle, user: null }));
  const { identity, trust } = world.app.gate().config;
  const sections = {
    identity: { mode: identity.mode, token_file: identity.token_file },
    inbound: inboundSection(world.agentBehind, { on_behalf_of: 'required' }),
    routes: [apiRoute(world)],
  };
  world.configure(sections);
  t.ok(await world.app.reload());
  t.strictSame(await use(), [200, null]);

  const { workload_when, principal } = trust[0] ?? {};
  const corp = { name: 'corp', issuer: world.issuer.issuer, jwks_uri: world.issuer.jwksUri, principal, workload_when };
  world.configure({ ...sections, trust: [{ ...corp, audiences: ['postern'] }] });
  t.ok(await world.app.reload());
  t.strictSame(await use(), [401, 'credential_invalid'], 'its audience is nobody here any more');
  t.match(calls((await world.end()).records).at(-1), { reason: 'token_audience_mismatch' });
});

test('a WebSocket to the agent is carried, its credential is not', async (t) => {
  const world = await startInboundWorld(t, { inbound: { websocket: true } });
  const server = new WebSocketServer({ noServer: true });
  const opened = Promise.withResolvers<IncomingMessage>();
  world.agentBehind.onUpgrade((request, socket, head) => {
    server.handleUpgrade(request, socket, head, (client) =>
      client.on('message', (data) => client.send(`echo ${data}`)),
    );
    opened.resolve(request);
  });
  const token = await world.user();
  const client = new WebSocket(`${world.app.inboundUrl?.replace('http', 'ws')}/live`, {
    headers: { authorization: `Bearer ${token}` },
  });
  await once(client, 'open');
  client.send('hello');
  const [echoed] = await once(client, 'message');
  t.equal(String(echoed), 'echo hello');
  const { headers } = await opened.promise;
  t.match(headers.authorization, /^Bearer psh_/);
  for (const canary of canariesOf(token)) t.notOk(JSON.stringify(headers).includes(canary));
  client.close();
  await once(client, 'close');
});

test('stopping lets a call to the agent end, with what the agent still has to ask', async (t) => {
  const world = await startInboundWorld(t);
  const stopping = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  world.agentBehind.behave(async (request, response, gate) => {
    arrived.resolve();
    await stopping.promise;
    await callsOn(request, response, gate);
  });
  const answer = world.callAgent();
  await arrived.promise;
  const ended = world.end();
  stopping.resolve();
  t.equal((await answer).status, 200);
  const { records } = await ended;
  t.equal(calls(records).length, 2);
});

test('where nothing comes in, nothing listens', async (t) => {
  const world = await startInboundWorld(t);
  const { identity } = world.app.gate().config;
  world.configure({ identity: { mode: identity.mode, token_file: identity.token_file } });
  await world.app.reload();
  t.ok(
    world.log.some(({ facts }) => JSON.stringify(facts).includes('inbound.listen')),
    'the socket stays until the end',
  );
  t.strictSame(told(await world.callAgent()), [404, 'route_not_found'], 'and leads nowhere');
  t.strictSame(world.agentBehind.received, []);
  t.match(onlyCall((await world.end()).records), { reason: 'route_unmatched' });
});
