// Reads token counts, response id, model and finish reasons out of one parsed JSON document, by its shape: OpenAI chat,
// completions, embeddings and responses, Anthropic messages, Gemini, Bedrock converse, JSON-RPC.
// Takes only these fields. Must never take content, and must survive any JSON: an upstream's answer is not trusted.

import { bounded } from '../base/bounded.ts';

/** What is read of an answer. All optional: absent fields were not there, or not of a believable kind. */
export interface Usage {
  responseId?: string;
  responseModel?: string;
  finishReasons?: string[];
  inputTokens?: number;
  outputTokens?: number;
  cacheReadTokens?: number;
  cacheCreationTokens?: number;
  reasoningTokens?: number;
  /** JSON-RPC error code, as text. */
  rpcStatus?: string;
  /** error.type of an MCP answer: the JSON-RPC error code, or `tool_error`. */
  rpcError?: string;
}

const maxText = 128;

/** Choices of one answer looked at. */
const maxChoices = 8;

type Fields = { readonly [name: string]: unknown };

/** Adds what `document` tells to `usage`; later documents of a stream overrule earlier ones. */
export function readDocument(document: unknown, usage: Usage): void {
  if (Array.isArray(document)) {
    for (const item of document.slice(-maxChoices)) if (!Array.isArray(item)) readDocument(item, usage);
    return;
  }
  if (!isFields(document)) return;
  // Stream events wrap the answer: OpenAI `response.completed`, Anthropic `message_start`.
  for (const wrapper of ['response', 'message']) {
    const inner = document[wrapper];
    if (isFields(inner)) readAnswer(inner, usage);
  }
  readAnswer(document, usage);
}

/** Adds what a `usage`, `usageMetadata` object on its own tells. */
export function readUsage(counts: unknown, usage: Usage): void {
  if (!isFields(counts)) return;
  const cacheRead = first(counts, ['cache_read_input_tokens', 'cacheReadInputTokens', 'cachedContentTokenCount']);
  const cacheCreation = first(counts, ['cache_creation_input_tokens', 'cacheWriteInputTokens']);
  const input = first(counts, ['prompt_tokens', 'input_tokens', 'promptTokenCount', 'inputTokens', 'inputTokenCount']);
  const outputs = ['completion_tokens', 'output_tokens', 'candidatesTokenCount', 'outputTokens', 'outputTokenCount'];
  const output = first(counts, outputs);
  const inputDetails = detail(counts, ['prompt_tokens_details', 'input_tokens_details']);
  const outputDetails = detail(counts, ['completion_tokens_details', 'output_tokens_details']);
  // Anthropic and Bedrock count cached input apart from the rest; the convention wants all input in one number.
  const apart = 'cache_read_input_tokens' in counts || 'cacheReadInputTokens' in counts;
  if (input !== undefined) usage.inputTokens = input + (apart ? (cacheRead ?? 0) + (cacheCreation ?? 0) : 0);
  set(usage, 'outputTokens', output);
  set(usage, 'cacheReadTokens', cacheRead ?? count(inputDetails?.['cached_tokens']));
  set(usage, 'cacheCreationTokens', cacheCreation);
  set(usage, 'reasoningTokens', count(outputDetails?.['reasoning_tokens']) ?? count(counts['thoughtsTokenCount']));
}

function readAnswer(answer: Fields, usage: Usage): void {
  set(usage, 'responseModel', text(answer['model']) ?? text(answer['modelVersion']));
  readUsage(answer['usage'], usage);
  readUsage(answer['usageMetadata'], usage);
  readUsage(answer['amazon-bedrock-invocationMetrics'], usage);
  if (answer['jsonrpc'] === '2.0') readRpc(answer, usage);
  else set(usage, 'responseId', text(answer['id']) ?? text(answer['responseId']));
  const reasons = finishReasons(answer);
  if (reasons.length > 0) usage.finishReasons = reasons;
}

function finishReasons(answer: Fields): string[] {
  const delta = answer['delta'];
  const incomplete = answer['incomplete_details'];
  const found = [
    ...items(answer['choices']).map((choice) => choice['finish_reason']),
    ...items(answer['candidates']).map((candidate) => candidate['finishReason']),
    answer['stop_reason'],
    answer['stopReason'],
    isFields(delta) ? delta['stop_reason'] : undefined,
    answer['object'] === 'response' ? (isFields(incomplete) ? incomplete['reason'] : answer['status']) : undefined,
  ];
  return found.flatMap((reason) => text(reason) ?? []).slice(0, maxChoices);
}

function readRpc({ error, result }: Fields, usage: Usage): void {
  if (isFields(error) && Number.isSafeInteger(error['code'])) {
    usage.rpcStatus = String(error['code']);
    usage.rpcError = usage.rpcStatus;
  } else if (isFields(result) && result['isError'] === true) {
    usage.rpcError = 'tool_error';
  }
}

function first(fields: Fields, names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = count(fields[name]);
    if (value !== undefined) return value;
  }
  return undefined;
}

function detail(fields: Fields, names: readonly string[]): Fields | undefined {
  return names.map((name) => fields[name]).find(isFields);
}

function items(value: unknown): Fields[] {
  return Array.isArray(value) ? value.slice(0, maxChoices).filter(isFields) : [];
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? bounded(value, maxText) : undefined;
}

function set<K extends keyof Usage>(usage: Usage, name: K, value: Usage[K] | undefined): void {
  if (value !== undefined) usage[name] = value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
