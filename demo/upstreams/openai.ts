// A demo OpenAI: chat completions (JSON and SSE), embeddings and models, shaped as the openai SDK expects them, behind a
// real token check. Scopes: `model.invoke` to use a model, `model.list` to list them.

import { z } from 'zod';
import { type ServerSentEvent, streamEvents } from './event-stream.ts';
import {
  type Answer,
  BadRequest,
  type DemoCall,
  type Problem,
  sendJson,
  serveVendor,
  type Upstream,
  type Vendor,
} from './serve.ts';
import { bearerOf, type VerifierOptions } from './verify.ts';
import { answerTo, countTokens, embed, embeddingSize, piecesOf } from './words.ts';

/** A fixed time keeps answers the same: 2026-01-01. */
const created = 1_767_225_600;

const chatRequest = z.looseObject({
  model: z.string().min(1),
  messages: z
    .array(z.looseObject({ role: z.string(), content: z.union([z.string(), z.array(z.json()), z.null()]).optional() }))
    .min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
});

const embeddingRequest = z.looseObject({
  model: z.string().min(1),
  input: z.union([z.string().min(1), z.array(z.string()).min(1)]),
  dimensions: z.int().min(1).max(4_096).optional(),
  encoding_format: z.enum(['float', 'base64']).optional(),
});

export function startOpenAi(options: VerifierOptions): Promise<Upstream> {
  let count = 0;
  const id = (prefix: string) => {
    count += 1;
    return `${prefix}${String(count).padStart(8, '0')}`;
  };
  const vendor: Vendor = {
    credential: (headers) => bearerOf(headers.authorization),
    refusal,
    endpoints: [
      {
        method: 'POST',
        path: /^\/v1\/chat\/completions$/,
        scope: 'model.invoke',
        handle: (call) => complete(call, id('chatcmpl-demo'), id('req_demo')),
      },
      { method: 'POST', path: /^\/v1\/embeddings$/, scope: 'model.invoke', handle: embeddings },
      { method: 'GET', path: /^\/v1\/models$/, scope: 'model.list', handle: listModels },
    ],
  };
  return serveVendor(vendor, options);
}

async function complete({ body, response }: DemoCall, id: string, requestId: string): Promise<void> {
  const request = expectShape(chatRequest, body);
  const question = request.messages.map(({ content }) => (typeof content === 'string' ? content : '')).join('\n');
  const text = answerTo(request.messages.at(-1)?.content?.toString() ?? '');
  const usage = usageOf(countTokens(question), countTokens(text));
  const headers = { 'x-request-id': requestId, 'openai-version': '2020-10-01' };
  const base = { id, created, model: request.model, system_fingerprint: 'fp_demo' };
  if (request.stream === true) {
    const includeUsage = request.stream_options?.include_usage === true;
    return streamEvents(response, chunksOf(base, text, includeUsage ? usage : undefined), headers);
  }
  const message = { role: 'assistant', content: text, refusal: null, annotations: [] };
  const choices = [{ index: 0, message, logprobs: null, finish_reason: 'stop' }];
  sendJson(response, 200, { ...base, object: 'chat.completion', choices, usage, service_tier: 'default' }, headers);
}

function* chunksOf(base: object, text: string, usage: object | undefined): Generator<ServerSentEvent> {
  const chunk = (choices: object[], more: object = {}) => ({
    data: JSON.stringify({ ...base, object: 'chat.completion.chunk', choices, ...more }),
  });
  const delta = (content: object, finish_reason: string | null = null) =>
    chunk([{ index: 0, delta: content, logprobs: null, finish_reason }], usage === undefined ? {} : { usage: null });
  yield delta({ role: 'assistant', content: '', refusal: null });
  for (const piece of piecesOf(text)) yield delta({ content: piece });
  yield delta({}, 'stop');
  if (usage !== undefined) yield chunk([], { usage });
  yield { data: '[DONE]' };
}

function embeddings({ body, response }: DemoCall): void {
  const { input, model, dimensions = embeddingSize, encoding_format } = expectShape(embeddingRequest, body);
  const texts = [input].flat();
  const data = texts.map((text, index) => {
    const vector = embed(text, dimensions);
    const packed = () => Buffer.from(new Float32Array(vector).buffer).toString('base64');
    return { object: 'embedding', index, embedding: encoding_format === 'base64' ? packed() : vector };
  });
  const tokens = countTokens(texts.join(' '));
  sendJson(response, 200, { object: 'list', data, model, usage: { prompt_tokens: tokens, total_tokens: tokens } });
}

function listModels({ response }: DemoCall): void {
  const data = ['gpt-5-mini', 'text-embedding-3-small'].map((id) => ({
    id,
    object: 'model',
    created,
    owned_by: 'demo',
  }));
  sendJson(response, 200, { object: 'list', data });
}

function usageOf(prompt: number, completion: number): object {
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  };
}

function refusal(problem: Problem, detail: string): Answer {
  const answer = (status: number, code: string | null, message: string) => ({
    status,
    body: { error: { message, type: 'invalid_request_error', param: null, code } },
  });
  switch (problem) {
    case 'insufficient_scope':
      return answer(403, null, 'You have insufficient permissions for this operation.');
    case 'not_found':
      return answer(404, null, `Invalid URL (${detail})`);
    case 'too_large':
      return answer(413, null, 'Request too large.');
    case 'invalid_request':
      return answer(400, null, detail);
    case 'expired':
      return answer(401, 'token_expired', 'Provided authentication token is expired.');
    default:
      return answer(401, 'invalid_api_key', `Incorrect API key provided (demo: ${problem}).`);
  }
}

function expectShape<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const read = schema.safeParse(body);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new BadRequest(`Invalid value for '${issue?.path.join('.') ?? 'body'}'`);
}
