// The real MCP client and the real server-everything with the gate between them: tools, sessions bound to their caller, trace
// context in `_meta`, and refusals as JSON-RPC errors.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { type Test, test } from 'tap';
import { startMcp } from '../../demo/upstreams/mcp.ts';
import { startVendor, traceId, traceparent, type VendorWorld } from '../support/e2e-vendor.ts';
import { apiRoute, calls, startE2e } from '../support/e2e-world.ts';
import { rejection } from '../support/rejection.ts';

function start(t: Test, route = {}): Promise<VendorWorld> {
  const options = { preset: 'mcp', audience: 'mcp-everything', scope: 'tools.call', base: '/mcp', start: startMcp };
  return startVendor(t, { ...options, route });
}

async function connect(t: Test, world: VendorWorld) {
  const { apiKey, headers } = await world.credentials();
  const authorization = `Bearer ${apiKey}`;
  const transport = new StreamableHTTPClientTransport(new URL(`${world.gate}/mcp`), {
    requestInit: { headers: { ...headers, authorization } },
  });
  const client = new Client({ name: 'e2e', version: '1.0.0' });
  // The SDK's own types disagree under exactOptionalPropertyTypes; the transport is its own.
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  t.teardown(() => client.close());
  return { client, session: transport.sessionId ?? '' };
}

const message = (method: string, params: object) => JSON.stringify({ jsonrpc: '2.0', id: 7, method, params });
const echo = message('tools/call', { name: 'echo', arguments: { message: 'x' } });

function post(world: VendorWorld, agent: string, user: string, session: string, body = echo): Promise<Response> {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2025-06-18',
    'mcp-session-id': session,
  };
  return world.call('/mcp', { agent, user, method: 'POST', headers, body });
}

test('tools are listed and called, and the policy sees which', async (t) => {
  const world = await start(t, {
    allow: [{ id: 'echo', when: 'request.operation != "tools/call" || request.tool == "echo"' }],
  });
  const { client } = await connect(t, world);
  t.ok((await client.listTools()).tools.some(({ name }) => name === 'echo'));
  const { content } = await client.callTool({ name: 'echo', arguments: { message: 'hello' } });
  t.match(content, [{ type: 'text', text: 'Echo: hello' }]);

  const denied = await rejection(client.callTool({ name: 'get-env', arguments: {} }));
  t.match(denied.message, /Policy does not allow this call|access_denied/);
  const accepted = world.vendor.received();
  t.ok(accepted.length >= 4);
  t.ok(accepted.every(({ outcome, hop }) => outcome === 'accepted' && hop?.sub === 'user:alice'));
  await client.close();
  const { records } = await world.end();
  const tools = calls(records).filter(({ operation }) => operation === 'tools/call');
  t.match(tools, [
    { tool: 'echo', decision: 'allow' },
    { tool: 'get-env', decision: 'deny', reason: 'policy_denied' },
  ]);
});

test("another user's session is not to be had by knowing its id, nor another agent's", async (t) => {
  const world = await start(t);
  const { session } = await connect(t, world);
  t.match(session, /~/, 'sealed: not the bare id of the server');
  const planner = await world.agent();
  t.equal((await post(world, planner, await world.user('alice'), session)).status, 200);

  const strangers: [string, string][] = [
    [planner, await world.user('mallory')],
    [await world.agent('researcher'), await world.user('alice', 'agent:researcher')],
  ];
  const before = world.vendor.received().length;
  for (const [agent, user] of strangers) {
    const answer = await post(world, agent, user, session);
    t.equal(answer.status, 404);
    t.match(await answer.json(), { jsonrpc: '2.0', id: 7, error: { data: { code: 'session_not_found' } } });
  }
  const bare = session.slice(0, session.lastIndexOf('~'));
  t.equal((await post(world, planner, await world.user('alice'), bare)).status, 404, 'the bare id is none of ours');
  t.equal(world.vendor.received().length, before, 'the server was not asked');
});

test('a session lives on over fresh tokens of the same parties', async (t) => {
  const world = await start(t);
  const { session } = await connect(t, world);
  for (let i = 0; i < 2; i += 1) {
    const answer = await post(world, await world.agent('planner', { ttl: 100 + i }), await world.user(), session);
    t.equal(answer.status, 200);
  }
});

test('a call without a token is told by a challenge, in the shape of its protocol', async (t) => {
  const world = await startE2e(t, {
    config: (places) => {
      const { path: _presets, name: _none, ...route } = apiRoute(places, { audience: 'mcp-everything', scopes: [] });
      return { routes: [{ ...route, preset: 'mcp' }] };
    },
  });
  const answer = await world.call('/mcp', {
    agent: null,
    user: null,
    method: 'POST',
    body: echo,
    headers: { 'content-type': 'application/json' },
  });
  t.equal(answer.status, 401);
  t.equal(answer.headers.get('www-authenticate'), 'Bearer realm="postern"');
  t.match(await answer.json(), { jsonrpc: '2.0', error: { data: { code: 'credential_required' } } });
});

test('trace context goes into _meta, and nothing else of the message changes', async (t) => {
  const world = await startE2e(t, {
    config: (places) => {
      const {
        path: _presets,
        name: _none,
        ...route
      } = apiRoute(places, { audience: 'mcp-everything', scopes: ['tools.call'] });
      return { routes: [{ ...route, preset: 'mcp' }] };
    },
  });
  const body = message('tools/call', {
    name: 'echo',
    arguments: { n: 1.0e2 },
    _meta: { progressToken: 1, traceparent: 'theirs' },
  });
  await world.call('/mcp', { method: 'POST', body, headers: { 'content-type': 'application/json', traceparent } });
  const [received] = world.upstream.received;
  const sent = received?.headers['traceparent'];
  t.match(sent, new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
  t.equal(
    received?.body.toString(),
    body.replace('{"progressToken":1,"traceparent":"theirs"}', `{"traceparent":"${sent}","progressToken":1}`),
  );
});

const broken: Record<string, { body: string; status: number; reason: string; headers?: Record<string, string> }> = {
  'a batch': { body: `[${echo}]`, status: 400, reason: 'mcp_batch_refused' },
  'no JSON': { body: '{"jsonrpc"', status: 400, reason: 'body_malformed' },
  'a method named twice': {
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"get-env"}}',
    status: 400,
    reason: 'body_field_ambiguous',
  },
  'a header that names another tool than the body': {
    body: message('tools/call', {
      name: 'get-env',
      _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' },
    }),
    headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'echo' },
    status: 400,
    reason: 'mcp_header_mismatch',
  },
};

for (const [name, { body, status, reason, headers }] of Object.entries(broken)) {
  test(`a message that could be read in two ways is refused: ${name}`, async (t) => {
    const world = await startE2e(t, {
      config: (places) => {
        const { path: _presets, name: _none, ...route } = apiRoute(places, { scopes: [], audience: 'mcp-everything' });
        return { routes: [{ ...route, preset: 'mcp' }] };
      },
    });
    const answer = await world.call('/mcp', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...headers },
    });
    t.equal(answer.status, status);
    t.match(await answer.json(), { jsonrpc: '2.0', error: { code: Number, data: { code: 'malformed_request' } } });
    t.strictSame(world.upstream.received, []);
    t.match(calls((await world.end()).records), [{ reason }]);
  });
}
