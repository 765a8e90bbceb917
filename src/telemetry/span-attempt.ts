// The span of one attempt at the upstream: HTTP client attributes, and on top the GenAI or MCP ones where the route is such
// an API (development conventions, so their names are written out here). Ends with the last byte of the response.
// Content never appears: no messages, no tool arguments, no results, no query string.

import { hash } from 'node:crypto';
import type { Attributes } from '@opentelemetry/api';
import type { Refusal } from '../base/errors.ts';
import type { ArmedCall, RoutedCall, StreamEnd } from '../call.ts';
import { bounded, boundedOptional } from './bounded.ts';
import { methodOf } from './reached.ts';
import { bareUrl, serverAddress } from './upstream-address.ts';
import type { Usage } from './usage.ts';

const maxName = 128;
const maxUrl = 1_024;

export interface AttemptEnd {
  readonly status: number | undefined;
  readonly end: StreamEnd;
  readonly failure: Refusal | undefined;
  /** undefined where the body was not read along. */
  readonly usage: Usage | undefined;
  /** Seconds from the start of the attempt to the first byte of a streamed answer. */
  readonly firstChunk: number | undefined;
}

export function attemptSpanName(call: RoutedCall): string {
  const { facts, route } = call;
  const operation = genAiOperation(call);
  if (operation !== undefined) return named(operation, facts.model);
  if (route.dialect === 'mcp' && facts.operation !== undefined) return named(facts.operation, facts.tool);
  return methodOf(facts.method) === facts.method ? facts.method : 'HTTP';
}

/** Error class of an attempt: undefined for success, and for a caller that left (not an error). */
export function attemptError({ status, end, failure }: AttemptEnd): string | undefined {
  if (failure !== undefined && end !== 'client_abort') return failure.reason;
  if (end === 'upstream_error' || end === 'timeout') return end;
  return status !== undefined && status >= 400 ? String(status) : undefined;
}

export function attemptAttributes(
  call: ArmedCall,
  resend: number,
  end: AttemptEnd,
  delegation: Attributes,
): Attributes {
  const { upstream, facts, route, credential } = call;
  const { address, port } = serverAddress(upstream.origin);
  return {
    'http.request.method': methodOf(facts.method),
    'http.request.resend_count': resend > 0 ? resend : undefined,
    'http.response.status_code': end.status,
    'server.address': address,
    'server.port': port,
    'service.peer.name': route.id,
    'url.full': bounded(bareUrl(`${upstream.origin}${upstream.path}`), maxUrl),
    'error.type': attemptError(end) ?? end.usage?.rpcError,
    'postern.route.id': route.id,
    'postern.request.id': call.id,
    'postern.stream.end': end.end,
    'postern.credential.kind': credential.facts.kind,
    'postern.token.id_hash': credential.facts.idHash,
    ...genAiAttributes(call, end),
    ...(route.dialect === 'mcp' ? mcpAttributes(call, end) : undefined),
    ...delegation,
  };
}

/** What presets call their operations, in the words of gen_ai.operation.name. */
const operations = new Map([
  ['chat', 'chat'],
  ['messages', 'chat'],
  ['responses', 'chat'],
  ['converse', 'chat'],
  ['completions', 'text_completion'],
  ['text_completion', 'text_completion'],
  ['embeddings', 'embeddings'],
  ['embed', 'embeddings'],
  ['generate_content', 'generate_content'],
  ['generateContent', 'generate_content'],
  ['streamGenerateContent', 'generate_content'],
]);

/** gen_ai.operation.name, for calls of model APIs; an operation no convention names stands as the preset writes it. */
export function genAiOperation({ route, facts }: RoutedCall): string | undefined {
  if (route.provider === undefined || facts.operation === undefined) return undefined;
  return operations.get(facts.operation) ?? bounded(facts.operation, maxName);
}

function genAiAttributes(call: RoutedCall, { usage, firstChunk }: AttemptEnd): Attributes | undefined {
  const operation = genAiOperation(call);
  if (operation === undefined) return undefined;
  return {
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': call.route.provider,
    'gen_ai.request.model': boundedOptional(call.facts.model, maxName),
    'gen_ai.request.stream': call.facts.stream === true ? true : undefined,
    'gen_ai.response.id': usage?.responseId,
    'gen_ai.response.model': usage?.responseModel,
    'gen_ai.response.finish_reasons': usage?.finishReasons,
    'gen_ai.response.time_to_first_chunk': firstChunk,
    'gen_ai.usage.input_tokens': usage?.inputTokens,
    'gen_ai.usage.output_tokens': usage?.outputTokens,
    'gen_ai.usage.cache_read.input_tokens': usage?.cacheReadTokens,
    'gen_ai.usage.cache_creation.input_tokens': usage?.cacheCreationTokens,
    'gen_ai.usage.reasoning.output_tokens': usage?.reasoningTokens,
  };
}

function mcpAttributes({ facts }: RoutedCall, { usage }: AttemptEnd): Attributes {
  return {
    'mcp.method.name': boundedOptional(facts.operation, maxName),
    'mcp.protocol.version': boundedOptional(facts.mcpVersion, maxName),
    'mcp.resource.uri': facts.resource === undefined ? undefined : bounded(bareUrl(facts.resource), maxUrl),
    // A session id admits whoever shows it: only a digest of it may be told.
    'postern.mcp.session_hash': facts.mcpSession === undefined ? undefined : shortHash(facts.mcpSession),
    'gen_ai.operation.name': facts.operation === 'tools/call' ? 'execute_tool' : undefined,
    'gen_ai.tool.name': boundedOptional(facts.tool, maxName),
    'jsonrpc.request.id': boundedOptional(facts.rpcId, maxName),
    'rpc.response.status_code': usage?.rpcStatus,
    'network.transport': 'tcp',
  };
}

function shortHash(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 16);
}

function named(operation: string, what: string | undefined): string {
  const first = bounded(operation, maxName);
  return what === undefined ? first : `${first} ${bounded(what, maxName)}`;
}
