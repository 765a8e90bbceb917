// Two sources of truth: MCP 2026-07-28 repeats method and tool in headers, so that load balancers and gateways can decide
// without the body. A caller that writes an allowed tool into the header and another into the body fools whoever trusts the
// header. The gate decides by the body and refuses every request whose headers say otherwise, with the code the
// specification fixes (-32020), also where an older version does not ask for the headers.

import { test } from 'tap';
import { type Asked, type Gate, type Outcome, refusedFor, startGate } from '../support/routing-world.ts';

type Headers = Record<string, string | string[]>;

const version = '2026-07-28';
const mcpRoute = { preset: 'mcp', upstream: 'https://mcp.example' };
const modern = { 'mcp-protocol-version': version, 'mcp-method': 'tools/call', 'mcp-name': 'search' };

function message(changes: object = {}, bodyVersion: string | null = version): object {
  const _meta = bodyVersion === null ? {} : { 'io.modelcontextprotocol/protocolVersion': bodyVersion };
  return { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'search', _meta }, ...changes };
}

function post(gate: Gate, headers: Headers, body: object): Promise<Outcome> {
  const asked: Asked = { method: 'POST', path: '/mcp', headers: { 'content-type': 'application/json', ...headers } };
  return gate.ask({ ...asked, body: JSON.stringify(body) });
}

const without = (name: keyof typeof modern): Headers => {
  const { [name]: _left, ...rest } = modern;
  return rest;
};

const refused: readonly (readonly [what: string, headers: Headers, body: object])[] = [
  ['another tool in the header', { ...modern, 'mcp-name': 'delete' }, message()],
  ['another tool in the body', modern, message(toolParams('delete'))],
  ['another method in the header', { ...modern, 'mcp-method': 'tools/list' }, message()],
  ['a method in other letter case', { ...modern, 'mcp-method': 'Tools/Call' }, message()],
  ['a tool in other letter case', { ...modern, 'mcp-name': 'Search' }, message()],
  ['no method header', without('mcp-method'), message()],
  ['no name header', without('mcp-name'), message()],
  ['no version header', without('mcp-protocol-version'), message()],
  ['no version in the body', modern, message({}, null)],
  ['an older version in the header', { ...modern, 'mcp-protocol-version': '2025-06-18' }, message()],
  ['an older version in the body', modern, message({}, '2025-06-18')],
  ['a version not known yet, without headers', { 'mcp-protocol-version': '2027-01-01' }, message({}, '2027-01-01')],
  ['the tool twice', { ...modern, 'mcp-name': ['search', 'delete'] }, message()],
  ['the method twice', { ...modern, 'mcp-method': ['tools/call', 'tools/call'] }, message()],
  ['an older version, another tool', { 'mcp-protocol-version': '2025-06-18', 'mcp-name': 'delete' }, message({}, null)],
  ['an older version, another method', { 'mcp-method': 'tools/list' }, message({}, null)],
  ['a response with a method header', { 'mcp-method': 'tools/call' }, { jsonrpc: '2.0', id: 1, result: {} }],
  ['base64 of another tool', { ...modern, 'mcp-name': '=?base64?ZGVsZXRl?=' }, message()],
  ['base64 with stray bits', { ...modern, 'mcp-name': '=?base64?c2VhcmNo=?=' }, message()],
  ['base64 that is no UTF-8', { ...modern, 'mcp-name': '=?base64?/w==?=' }, message()],
  ['a sentinel in capitals', { ...modern, 'mcp-name': '=?BASE64?c2VhcmNo?=' }, message()],
  ['Latin-1 in the header', { ...modern, 'mcp-name': 's\u00e9arch' }, message()],
];

function toolParams(name: string): object {
  return { params: { name, _meta: { 'io.modelcontextprotocol/protocolVersion': version } } };
}

test('headers that say otherwise than the body are refused', async (t) => {
  const gate = await startGate(t, [mcpRoute]);
  for (const [what, headers, body] of refused) {
    const outcome = await post(gate, headers, body);
    t.equal(refusedFor(outcome), 'mcp_header_mismatch', what);
    t.equal(outcome.kind === 'refused' && outcome.refusal.rpcCode, -32_020, what);
  }
});

const accepted: readonly (readonly [what: string, headers: Headers, body: object])[] = [
  ['headers that agree', modern, message()],
  ['base64 that agrees', { ...modern, 'mcp-name': '=?base64?c2VhcmNo?=' }, message()],
  ['a name that needs base64', { ...modern, 'mcp-name': '=?base64?5pu4?=' }, message(toolParams('書'))],
  [
    'a name like a sentinel',
    { ...modern, 'mcp-name': '=?base64?PT9iYXNlNjQ/eD89?=' },
    message(toolParams('=?base64?x?=')),
  ],
  ['parameters repeated in headers', { ...modern, 'mcp-param-region': 'eu' }, message()],
  ['an older version without headers', { 'mcp-protocol-version': '2025-11-25' }, message({}, null)],
  ['no version at all', {}, message({}, null)],
  ['an older version with headers that agree', { 'mcp-method': 'tools/call', 'mcp-name': 'search' }, message({}, null)],
  [
    'a notification, which needs none',
    { 'mcp-protocol-version': version },
    { jsonrpc: '2.0', method: 'notifications/x' },
  ],
];

test('headers that agree, or need not be there, pass', async (t) => {
  const gate = await startGate(t, [mcpRoute]);
  for (const [what, headers, body] of accepted) t.equal(refusedFor(await post(gate, headers, body)), 'routed', what);
});

test('fields in other letter case do not get past the check (CVE-2026-27896)', async (t) => {
  const gate = await startGate(t, [mcpRoute]);
  const bodies = [
    '{"jsonrpc":"2.0","id":1,"method":"tools/list","Method":"tools/call","params":{"name":"x"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","NAME":"delete"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"},"param\u017f":{"name":"delete"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"},"params":{"name":"delete"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","n\\u0061me":"delete"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{}, "_META":{}}}',
  ];
  for (const body of bodies) {
    const asked = { method: 'POST', path: '/mcp', headers: { 'content-type': 'application/json' }, body };
    t.equal(refusedFor(await gate.ask(asked)), 'body_field_ambiguous', body);
  }
});
