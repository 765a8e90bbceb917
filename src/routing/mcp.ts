// Reads MCP over streamable HTTP: which JSON-RPC method is called, on which tool, resource or prompt.
// One message per request, one reading per message: batches, duplicate or oddly spelt fields and messages that are
// request and response at once are refused. Versions 2025-03-26 to 2026-07-28 (modelcontextprotocol.io/specification).

import { type Awaitable, whenReady } from '../base/awaitable.ts';
import { Refusal } from '../base/errors.ts';
import type { Body, KnownCall, RequestFacts } from '../call.ts';
import { readBody } from './body.ts';
import { rawText, stringField, wrongKind } from './json-fields.ts';
import { compileShape, type Scan, type ScannedValue, scanJson } from './json-scan.ts';
import { checkMcpHeaders, protocolVersionKey, sessionHeader, singleToken } from './mcp-headers.ts';
import { requirePlainJson } from './plain-json.ts';

/** Longest JSON-RPC id accepted, in characters: it is echoed and recorded. */
const maxId = 128;

const methodText = /^[\x21-\x7e]{1,128}$/;

/** Where methods name what they act on. Mcp-Name repeats it for the first three (MCP 2026-07-28, "Standard Request Headers"). */
const namedIn = new Map([
  ['tools/call', '/params/name'],
  ['prompts/get', '/params/name'],
  ['resources/read', '/params/uri'],
  ['resources/subscribe', '/params/uri'],
  ['resources/unsubscribe', '/params/uri'],
]);
const mirrored = new Set(['tools/call', 'prompts/get', 'resources/read']);

const versionPointer = `/params/_meta/${protocolVersionKey.replaceAll('/', '~1')}`;
const shape = compileShape([
  ...['/jsonrpc', '/id', '/method', '/result', '/error'],
  ...['/params/name', '/params/uri', versionPointer],
]);

export type McpFacts = Pick<
  RequestFacts,
  'operation' | 'tool' | 'resource' | 'stream' | 'rpcId' | 'mcpSession' | 'mcpVersion'
>;

export interface InspectedMcp {
  readonly body: Body;
  readonly facts: McpFacts;
}

/** Requests without a message, up to 2025-11-25: the server's event stream, and the end of a session. */
const bare = new Map([
  ['GET', { operation: 'stream', stream: true }],
  ['DELETE', { operation: 'session/delete', stream: false }],
]);

/** @param limit of the route, in bytes. */
export function inspectMcp(call: KnownCall, limit: number): Awaitable<InspectedMcp> {
  const mcpSession = sessionHeader(call.headers);
  const bareFacts = bare.get(call.method);
  if (call.method !== 'POST' && bareFacts === undefined) {
    throw new Refusal('operation_unmatched', { detail: 'not a method of MCP over streamable HTTP' });
  }
  return whenReady(readBody(call.transport, true, limit), (body) => readMcp(call, body, mcpSession, bareFacts));
}

type BareFacts = Pick<McpFacts, 'operation' | 'stream'>;

function readMcp(
  call: KnownCall,
  body: Body,
  mcpSession: string | undefined,
  bareFacts: BareFacts | undefined,
): InspectedMcp {
  if (bareFacts !== undefined) {
    if (body.kind !== 'none') throw new Refusal('body_malformed', { detail: 'only POST carries a message' });
    const mcpVersion = singleToken(call.headers, 'mcp-protocol-version');
    return {
      body,
      facts: { ...bareFacts, tool: undefined, resource: undefined, rpcId: undefined, mcpSession, mcpVersion },
    };
  }
  if (body.kind !== 'buffered') throw new Refusal('body_malformed', { detail: 'the body is empty' });
  requirePlainJson(call.headers);
  return { body, facts: { ...readMessage(call, body.bytes), mcpSession } };
}

function readMessage(call: KnownCall, bytes: Buffer): Omit<McpFacts, 'mcpSession'> {
  const scan = scanJson(bytes, shape);
  if (scan.get('')?.kind === 'array')
    throw new Refusal('mcp_batch_refused', { detail: 'the body is a JSON-RPC batch' });
  requireMessage(bytes, scan);
  const method = stringField(bytes, scan, '/method');
  if (method !== undefined && !methodText.test(method)) throw wrongKind('/method', 'a method name');
  const rpcId = readId(bytes, scan.get('/id'));
  const pointer = namedIn.get(method ?? '');
  const name = pointer === undefined ? undefined : requiredName(bytes, scan, pointer);
  const mcpVersion = checkMcpHeaders(call.headers, {
    method,
    name: mirrored.has(method ?? '') ? name : undefined,
    version: stringField(bytes, scan, versionPointer),
    headersOptional: method === undefined || method.startsWith('notifications/'),
  });
  const tool = method === 'tools/call' ? name : undefined;
  const resource = method === 'tools/call' ? undefined : name;
  return { operation: method ?? 'response', tool, resource, stream: undefined, rpcId, mcpVersion };
}

/** One JSON-RPC 2.0 message: a request or notification, else a response, never both. */
function requireMessage(bytes: Buffer, scan: Scan): void {
  if (scan.get('')?.kind !== 'object') throw wrongKind('the body', 'a JSON-RPC message');
  if (stringField(bytes, scan, '/jsonrpc') !== '2.0') throw wrongKind('/jsonrpc', '"2.0"');
  const answers = scan.has('/result') || scan.has('/error');
  if (scan.has('/method') === answers) throw wrongKind('the body', 'either a request or a response');
  for (const pointer of ['/params', '/params/_meta']) {
    const kind = scan.get(pointer)?.kind;
    if (kind !== undefined && kind !== 'object' && kind !== 'null') throw wrongKind(pointer, 'an object');
  }
}

function requiredName(bytes: Buffer, scan: Scan, pointer: string): string {
  const name = stringField(bytes, scan, pointer);
  if (name === undefined || name === '') throw wrongKind(pointer, 'given');
  return name;
}

/** The id as JSON text, so that an answer can repeat it with its type. MCP forbids null (basic/index, "Requests"). */
function readId(bytes: Buffer, value: ScannedValue | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value.end - value.start > maxId) throw wrongKind('/id', 'of acceptable length');
  if (value.kind === 'number') return rawText(bytes, value);
  const id = stringField(bytes, new Map([['/id', value]]), '/id');
  return JSON.stringify(id);
}
