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

const noItems: Fields[] = [];

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

/** What the APIs call each count. */
const names = {
  cacheRead: ['cache_read_input_tokens', 'cacheReadInputTokens', 'cachedContentTokenCount'],
  cacheCreation: ['cache_creation_input_tokens', 'cacheWriteInputTokens'],
  input: ['prompt_tokens', 'input_tokens', 'promptTokenCount', 'inputTokens', 'inputTokenCount'],
  output: ['completion_tokens', 'output_tokens', 'candidatesTokenCount', 'outputTokens', 'outputTokenCount'],
  inputDetails: ['prompt_tokens_details', 'input_tokens_details'],
  outputDetails: ['completion_tokens_details', 'output_tokens_details'],
};

/** Adds what a `usage`, `usageMetadata` object on its own tells. */
export function readUsage(counts: unknown, usage: Usage): void {
  if (!isFields(counts)) return;
  const cacheRead = first(counts, names.cacheRead);
  const cacheCreation = first(counts, names.cacheCreation);
  const input = first(counts, names.input);
  const output = first(counts, names.output);
  const inputDetails = detail(counts, names.inputDetails);
  const outputDetails = detail(counts, names.outputDetails);
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
  const reasons: string[] = [];
  addReasons(reasons, answer);
  if (reasons.length > 0) usage.finishReasons = reasons;
}

function addReasons(reasons: string[], answer: Fields): void {
  for (const choice of items(answer['choices'])) add(reasons, choice['finish_reason']);
  for (const candidate of items(answer['candidates'])) add(reasons, candidate['finishReason']);
  add(reasons, answer['stop_reason']);
  add(reasons, answer['stopReason']);
  const delta = answer['delta'];
  if (isFields(delta)) add(reasons, delta['stop_reason']);
  if (answer['object'] !== 'response') return;
  const incomplete = answer['incomplete_details'];
  add(reasons, isFields(incomplete) ? incomplete['reason'] : answer['status']);
}

function add(reasons: string[], reason: unknown): void {
  const told = text(reason);
  if (told !== undefined && reasons.length < maxChoices) reasons.push(told);
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
  for (const name of names) {
    const value = fields[name];
    if (isFields(value)) return value;
  }
  return undefined;
}

function items(value: unknown): Fields[] {
  return Array.isArray(value) ? value.slice(0, maxChoices).filter(isFields) : noItems;
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
