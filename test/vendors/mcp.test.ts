// MCP servers by MCP's own client: one that validates JWTs gets the exchanged token, user and agents in it; GitHub's gets a
// standing token that only the gate holds. Sessions, tools and refusals are the client's own.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport, StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { type Test, test } from 'tap';
import { sendJson } from '../../demo/upstreams/serve.ts';
import type { Answer } from '../support/e2e-upstream.ts';
import { traceId } from '../support/e2e-vendor.ts';
import { calls } from '../support/e2e-world.ts';
import { rejection } from '../support/rejection.ts';
import { bodyOf } from '../support/vendors-answers.ts';
import { type Arming, exchanged, standing } from '../support/vendors-arms.ts';
import { startVendorGate, type VendorGate } from '../support/vendors-gate.ts';

/** A server of two tools and one session. */
const answer: Answer = (response, received) => {
  const { id, method } = bodyOf(received);
  if (received.method !== 'POST') return void response.writeHead(405).end();
  if (id === undefined) return void response.writeHead(202).end();
  const inputSchema = { type: 'object' };
  const results: Record<string, object> = {
    initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } },
    'tools/list': { tools: ['get_issue', 'delete_repo'].map((name) => ({ name, inputSchema })) },
    'tools/call': { content: [{ type: 'text', text: 'Broken hinge' }] },
  };
  const result = results[String(method)] ?? {};
  sendJson(response, 200, { jsonrpc: '2.0', id, result }, { 'mcp-session-id': 'session-of-the-server' });
};

const servers: Record<string, { readonly arm: Arming; readonly base: string }> = {
  mcp: { arm: exchanged('mcp-everything', ['tools.call']), base: '/mcp' },
  'github-mcp': { arm: standing(), base: '/mcp/' },
};

async function connect(t: Test, gate: VendorGate, preset: string, apiKey?: string): Promise<Client> {
  const { apiKey: own, headers } = await gate.credentials();
  const transport = new StreamableHTTPClientTransport(new URL(`${gate.gate}/${preset}`), {
    requestInit: { headers: { ...headers, authorization: `Bearer ${apiKey ?? own}` } },
  });
  const client = new Client({ name: 'agent', version: '1.0.0' });
  // The SDK's own types disagree under exactOptionalPropertyTypes; the transport is its own.
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  t.teardown(() => client.close());
  return client;
}

for (const [preset, { arm, base }] of Object.entries(servers)) {
  test(`${preset}: tools are listed and called, and refusals are errors of the client`, async (t) => {
    const route = { allow: [{ id: 'reading', when: 'request.tool != "delete_repo"' }] };
    const gate = await startVendorGate(t, { preset, arm, base, route, answer, requestId: 'x-request-id' });
    const client = await connect(t, gate, preset);
    t.equal((await client.listTools()).tools.length, 2);
    t.match((await client.callTool({ name: 'get_issue', arguments: {} })).content, [{ text: 'Broken hinge' }]);

    const denied = await rejection(client.callTool({ name: 'delete_repo', arguments: {} }));
    t.match(denied.message, /Policy does not allow this call/);
    const before = gate.upstream.received.length;
    const badToken = await rejection(connect(t, gate, preset, 'ghp_an_old_token'));
    t.ok(badToken instanceof StreamableHTTPError);
    t.match(badToken, { code: 401 });
    gate.refuseWith(429, { message: 'secondary rate limit' });
    const tooMany = await rejection(client.callTool({ name: 'get_issue', arguments: {} }));
    t.ok(tooMany instanceof StreamableHTTPError);
    t.match(tooMany, { code: 429 });
    gate.arm.down();
    t.match(await rejection(connect(t, gate, preset)), { code: 503 });
    t.equal(gate.upstream.received.length, before + 1, 'the vendor saw the one too many, and none of the others');

    t.strictSame(gate.faults, []);
    await client.close();
    const { records } = await gate.end();
    const tools = calls(records).filter(({ operation, status }) => operation === 'tools/call' && status !== 429);
    const known = { trace_id: traceId, subject: { sub: 'user:alice' }, actors: [{ sub: 'agent:planner' }] };
    const { kind, grant } = gate.arm;
    t.match(tools, [
      { ...known, tool: 'get_issue', credential: { kind, grant }, upstream: { request_id: /^vendor-\d+$/ } },
      { ...known, tool: 'delete_repo', reason: 'policy_denied' },
    ]);
  });
}
