// The span of one attempt at the upstream: HTTP client attributes, and on top the GenAI or MCP ones where the route is such
// an API (development conventions, so their names are written out here). Ends with the last byte of the response.
// Content never appears: no messages, no tool arguments, no results, no query string.

import { bounded, boundedOptional } from '../base/bounded.ts';
import type { Refusal } from '../base/errors.ts';
import { idDigest } from '../base/id-digest.ts';
import { bareUrl, serverAddress } from '../base/upstream-address.ts';
import type { ArmedCall, RoutedCall, StreamEnd } from '../call.ts';
import { methodOf } from '../reached.ts';
import type { AlikeValues, AttributeWriter } from './otlp-attributes.ts';
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

/** What follows from configuration and from closed lists: the same for most attempts of a route. */
const common = [
  'http.request.method',
  'http.response.status_code',
  'service.peer.name',
  'postern.route.id',
  'error.type',
  'postern.stream.end',
  'gen_ai.operation.name',
  'gen_ai.provider.name',
  'gen_ai.request.stream',
  'server.address',
  'server.port',
] as const;

/** All but what grant-attributes.ts writes. */
export function writeAttemptAttributes(to: AttributeWriter, call: ArmedCall, resend: number, end: AttemptEnd): void {
  const { upstream, facts, route } = call;
  const { address, port } = serverAddress(upstream.origin);
  const error = attemptError(end);
  const operation = route.dialect === 'mcp' ? undefined : genAiOperation(call);
  const genAi = operation !== undefined;
  const values: AlikeValues<typeof common> = [
    methodOf(facts.method),
    end.status,
    route.id,
    route.id,
    error,
    end.end,
    operation,
    genAi ? route.provider : undefined,
    genAi && facts.stream === true ? true : undefined,
    address,
    port,
  ];
  to.alike(route, common, values);
  if (error === undefined) to.few('error.type', end.usage?.rpcError);
  if (resend > 0) to.set('http.request.resend_count', resend);
  to.few('url.full', `${upstream.origin}${upstream.path}`, spellUrl);
  to.set('postern.request.id', call.id);
  if (route.dialect === 'mcp') writeMcp(to, call, end);
  else if (genAi) writeGenAi(to, call, end);
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

function writeGenAi(to: AttributeWriter, call: RoutedCall, { usage, firstChunk }: AttemptEnd): void {
  to.few('gen_ai.request.model', call.facts.model, spellName);
  to.set('gen_ai.response.time_to_first_chunk', firstChunk);
  if (usage === undefined) return;
  to.set('gen_ai.response.id', usage.responseId);
  to.few('gen_ai.response.model', usage.responseModel);
  to.few('gen_ai.response.finish_reasons', usage.finishReasons);
  to.set('gen_ai.usage.input_tokens', usage.inputTokens);
  to.set('gen_ai.usage.output_tokens', usage.outputTokens);
  to.set('gen_ai.usage.cache_read.input_tokens', usage.cacheReadTokens);
  to.set('gen_ai.usage.cache_creation.input_tokens', usage.cacheCreationTokens);
  to.set('gen_ai.usage.reasoning.output_tokens', usage.reasoningTokens);
}

function writeMcp(to: AttributeWriter, { facts }: RoutedCall, { usage }: AttemptEnd): void {
  to.few('mcp.method.name', facts.operation, spellName);
  to.few('mcp.protocol.version', facts.mcpVersion, spellName);
  if (facts.resource !== undefined) to.set('mcp.resource.uri', bounded(bareUrl(facts.resource), maxUrl));
  // A session id admits whoever shows it: only a digest of it may be told.
  if (facts.mcpSession !== undefined) to.set('postern.mcp.session_hash', idDigest(facts.mcpSession));
  if (facts.operation === 'tools/call') to.few('gen_ai.operation.name', 'execute_tool');
  to.few('gen_ai.tool.name', facts.tool, spellName);
  to.set('jsonrpc.request.id', boundedOptional(facts.rpcId, maxName));
  to.set('rpc.response.status_code', usage?.rpcStatus);
  to.set('network.transport', 'tcp');
}

const spellUrl = (url: string): string => bounded(bareUrl(url), maxUrl);
const spellName = (name: string): string => bounded(name, maxName);

function named(operation: string, what: string | undefined): string {
  const first = bounded(operation, maxName);
  return what === undefined ? first : `${first} ${bounded(what, maxName)}`;
}
