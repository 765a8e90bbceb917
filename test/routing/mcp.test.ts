import { test } from 'tap';
import { type Asked, type Gate, refusedFor, routed, startGate } from '../support/routing-world.ts';

const mcpRoute = { preset: 'mcp', upstream: 'https://mcp.example/endpoint' };
const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'search', arguments: { q: 'x' } } };

function post(message: unknown, headers: Record<string, string> = {}): Asked {
  const body = typeof message === 'string' ? message : JSON.stringify(message);
  return { method: 'POST', path: '/mcp', headers: { 'content-type': 'application/json', ...headers }, body };
}

async function factsOf(gate: Gate, asked: Asked): Promise<Record<string, unknown>> {
  const { facts } = routed(await gate.ask(asked));
  return { ...facts };
}

test('a tool call is known by its tool, and passes byte for byte', async (t) => {
  const gate = await startGate(t, [mcpRoute]);
  const body = ' { "id" : 1.0, "jsonrpc":"2.0","params":{"name":"search"},"method":"tools/call" }\n';
  const { facts, upstream, body: passed } = routed(await gate.ask(post(body, { 'mcp-session-id': 's~seal' })));
  t.strictSame(facts, {
    method: 'POST',
    path: '/',
    operation: 'tools/call',
    model: undefined,
    tool: 'search',
    resource: undefined,
    stream: undefined,
    rpcId: '1.0',
    mcpSession: 's~seal',
    mcpVersion: undefined,
  });
  t.equal(upstream.path, '/endpoint', 'the upstream is the endpoint itself');
  t.equal(passed.kind === 'buffered' && passed.bytes.toString(), body);
});

test('ids are told as JSON, so that an answer can repeat them', async (t) => {
  const gate = await startGate(t, [mcpRoute]);
  t.hasStrict(await factsOf(gate, post({ ...call, id: 'a"b' })), { rpcId: '"a\\"b"' });
  t.hasStrict(await factsOf(gate, post({ ...call, id: 7 })), { rpcId: '7' });
  t.hasStrict(await factsOf(gate, post({ jsonrpc: '2.0', method: 'notifications/x' })), { rpcId: undefined });
});

const named: readonly (readonly [method: string, params: object, facts: object])[] = [
  ['resources/read', { uri: 'file:///a' }, { resource: 'file:///a', tool: undefined }],
  ['resources/subscribe', { uri: 'file:///a' }, { resource: 'file:///a', tool: undefined }],
  ['prompts/get', { name: 'review' }, { resource: 'review', tool: undefined }],
  ['tools/list', { cursor: 'x' }, { resource: undefined, tool: undefined }],
  ['subscriptions/listen', {}, { operation: 'subscriptions/listen' }],
  ['completion/complete', { ref: { name: 'x' } }, { resource: undefined }],
];

test('methods name what they act on', async (t) => {
  const gate = await startGate(t, [mcpRoute]);
  for (const [method, params, facts] of named) {
    t.hasStrict(await factsOf(gate, post({ jsonrpc: '2.0', id: 1, method, params })), { operation: method, ...facts });
  }
});

const refused: readonly (readonly [what: string, message: unknown, reason: string])[] = [
  ['a batch', [call], 'mcp_batch_refused'],
  ['an empty batch', [], 'mcp_batch_refused'],
  ['text', '"x"', 'body_malformed'],
  ['no JSON', 'x', 'body_malformed'],
  ['another JSON-RPC', { ...call, jsonrpc: '1.0' }, 'body_malformed'],
  ['no JSON-RPC', { id: 1, method: 'tools/list' }, 'body_malformed'],
  ['neither request nor response', { jsonrpc: '2.0', id: 1 }, 'body_malformed'],
  ['request and response at once', { ...call, result: {} }, 'body_malformed'],
  ['request and error at once', { ...call, error: {} }, 'body_malformed'],
  ['a method that is no text', { ...call, method: ['tools/call'] }, 'body_malformed'],
  ['a method with a space', { ...call, method: 'tools/call ' }, 'body_malformed'],
  ['a tool that is no text', { ...call, params: { name: 1 } }, 'body_malformed'],
  ['a tool without name', { ...call, params: { name: '' } }, 'body_malformed'],
  ['a tool call without name', { ...call, params: {} }, 'body_malformed'],
  ['a tool call without parameters', { ...call, params: undefined }, 'body_malformed'],
  ['parameters by position', { ...call, params: ['search'] }, 'body_malformed'],
  ['metadata that is no object', { ...call, params: { name: 'search', _meta: 1 } }, 'body_malformed'],
  ['an id that is null', { ...call, id: null }, 'body_malformed'],
  ['an id that is an object', { ...call, id: {} }, 'body_malformed'],
  ['an id without end', { ...call, id: 'x'.repeat(200) }, 'body_malformed'],
];

test('what is not one plain message is refused', async (t) => {
  const gate = await startGate(t, [mcpRoute]);
  for (const [what, message, reason] of refused) t.equal(refusedFor(await gate.ask(post(message))), reason, what);
});

test('a message has a body of JSON', async (t) => {
  const gate = await startGate(t, [mcpRoute]);
  t.equal(refusedFor(await gate.ask({ method: 'POST', path: '/mcp' })), 'body_malformed');
  t.equal(refusedFor(await gate.ask({ ...post(call), headers: { 'content-type': 'text/plain' } })), 'body_malformed');
  t.equal(refusedFor(await gate.ask(post(call, { 'content-encoding': 'gzip' }))), 'body_malformed');
});

test('a message fits the inspection limit', async (t) => {
  const gate = await startGate(t, [{ ...mcpRoute, inspection_limit: '1KiB' }]);
  const long = { ...call, params: { name: 'search', arguments: { q: 'x'.repeat(1_024) } } };
  t.equal(refusedFor(await gate.ask(post(long))), 'body_over_inspection_limit');
  t.equal(refusedFor(await gate.ask({ ...post(long), chunked: true })), 'body_over_inspection_limit');
});

test('older versions also open a stream and end a session', async (t) => {
  const gate = await startGate(t, [mcpRoute]);
  const headers = { 'mcp-session-id': 's-1', 'mcp-protocol-version': '2025-06-18' };
  const session = { mcpSession: 's-1', mcpVersion: '2025-06-18' };
  t.hasStrict(await factsOf(gate, { path: '/mcp', headers }), { operation: 'stream', stream: true, ...session });
  t.hasStrict(await factsOf(gate, { method: 'DELETE', path: '/mcp', headers }), {
    operation: 'session/delete',
    ...session,
  });
});

test('MCP is nothing else', async (t) => {
  const gate = await startGate(t, [mcpRoute]);
  t.equal(refusedFor(await gate.ask({ ...post(call), method: 'PUT' })), 'operation_unmatched');
  t.equal(
    refusedFor(await gate.ask({ ...post(call), method: 'DELETE' })),
    'body_malformed',
    'a message on another method',
  );
  t.equal(refusedFor(await gate.ask({ ...post(call), path: '/mcp/messages' })), 'operation_unmatched');
  t.equal(refusedFor(await gate.ask({ path: '/mcp', upgrade: true })), 'upgrade_not_allowed');
});

test('a "/" at the end is kept for the upstream', async (t) => {
  const gate = await startGate(t, [mcpRoute]);
  const { facts, upstream } = routed(await gate.ask({ ...post(call), path: '/mcp/' }));
  t.equal(facts.path, '/');
  t.equal(upstream.path, '/endpoint/');
});
