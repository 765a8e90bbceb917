// What the APIs answer, in the shapes their SDKs read. Every model says the same; what it costs is counted.

import type { ApiAnswer, ApiRequest } from './api.ts';

/** What every API here says, and so what the agent must have got. */
export const said = 'Alice asked, her agent called.';

const usage = { prompt_tokens: 9, completion_tokens: 5, total_tokens: 14 };

/** Chat completions, as OpenAI's API and its likes have them. */
export function chatCompletion({ body }: ApiRequest): ApiAnswer {
  const message = { role: 'assistant', content: said };
  const choices = [{ index: 0, message, finish_reason: 'stop' }];
  const { model } = parsed(body);
  return ok({ id: 'chatcmpl-1', object: 'chat.completion', created: 1_767_225_600, model, choices, usage });
}

/** Messages, as Anthropic has them, for itself and in the clouds. */
export function message({ body }: ApiRequest): ApiAnswer {
  const { model = 'of-the-path' } = parsed(body);
  const content = [{ type: 'text', text: said }];
  const ends = { stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 9, output_tokens: 5 } };
  return ok({ id: 'msg_1', type: 'message', role: 'assistant', model, content, ...ends });
}

/** Converse, as Amazon Bedrock has it for every model. */
export function conversation(): ApiAnswer {
  const output = { message: { role: 'assistant', content: [{ text: said }] } };
  const counted = { inputTokens: 9, outputTokens: 5, totalTokens: 14 };
  return ok({ output, stopReason: 'end_turn', usage: counted, metrics: { latencyMs: 1 } });
}

/** generateContent, as Google has it, at its developer API and on Vertex AI. */
export function content(): ApiAnswer {
  const candidate = { content: { role: 'model', parts: [{ text: said }] }, index: 0, finishReason: 'STOP' };
  return ok({ candidates: [candidate], modelVersion: 'gemini-2.5-flash' });
}

/** An MCP server without sessions (streamable HTTP, answers as plain JSON). */
export function mcp({ method, body }: ApiRequest): ApiAnswer {
  if (method !== 'POST') return { status: 405 };
  const { id, method: called } = parsed(body);
  if (id === undefined) return { status: 202 };
  const result =
    called === 'initialize'
      ? { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'tools', version: '1.0.0' } }
      : { content: [{ type: 'text', text: said }] };
  return ok({ jsonrpc: '2.0', id, result });
}

/** A ticket, or an order. */
export function titled(): ApiAnswer {
  return ok({ id: 42, title: said });
}

/** A search, as Qdrant answers it. */
export function qdrantPoints(): ApiAnswer {
  return ok({
    result: { points: [{ id: 1, version: 1, score: 0.9, payload: { text: said } }] },
    status: 'ok',
    time: 0,
  });
}

export function pineconeMatches(): ApiAnswer {
  const matches = [{ id: '1', score: 0.9, values: [], metadata: { text: said } }];
  return ok({ matches, namespace: 'docs', usage: { readUnits: 1 } });
}

function ok(body: unknown): ApiAnswer {
  return { status: 200, body };
}

function parsed(body: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(body);
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
