// A demo Anthropic: messages as JSON and as the event stream in its real order (message_start, content_block_start, ping,
// deltas, content_block_stop, message_delta, message_stop), behind a real token check. Scope: `model.invoke`.

import { z } from 'zod';
import { type ServerSentEvent, streamEvents } from './event-stream.ts';
import {
  type Answer,
  BadRequest,
  type DemoCall,
  type Problem,
  sendJson,
  serveVendor,
  single,
  type Upstream,
  type Vendor,
} from './serve.ts';
import { bearerOf, type VerifierOptions } from './verify.ts';
import { answerTo, countTokens, piecesOf } from './words.ts';

const textBlock = z.looseObject({ type: z.string(), text: z.string().optional() });

const messageRequest = z.looseObject({
  model: z.string().min(1),
  max_tokens: z.int().min(1),
  messages: z
    .array(z.looseObject({ role: z.enum(['user', 'assistant']), content: z.union([z.string(), z.array(textBlock)]) }))
    .min(1),
  stream: z.boolean().optional(),
});

export function startAnthropic(options: VerifierOptions): Promise<Upstream> {
  let count = 0;
  const vendor: Vendor = {
    // Older SDKs and curl send `x-api-key`, newer ones a bearer token.
    credential: (headers) => bearerOf(headers.authorization) ?? single(headers['x-api-key']),
    refusal,
    endpoints: [
      {
        method: 'POST',
        path: /^\/v1\/messages$/,
        scope: 'model.invoke',
        handle(call) {
          count += 1;
          return answer(call, String(count).padStart(8, '0'));
        },
      },
    ],
  };
  return serveVendor(vendor, options);
}

async function answer({ body, headers, response }: DemoCall, number: string): Promise<void> {
  if (headers['anthropic-version'] === undefined) throw new BadRequest('anthropic-version: header is required');
  const read = messageRequest.safeParse(body);
  if (!read.success) throw new BadRequest(`${read.error.issues[0]?.path.join('.') ?? 'body'}: invalid`);
  const request = read.data;
  const texts = request.messages.map(({ content }) => textOf(content));
  const pieces = piecesOf(answerTo(texts.at(-1) ?? ''));
  const cut = pieces.length > request.max_tokens;
  const said = pieces.slice(0, request.max_tokens);
  const message = {
    id: `msg_demo${number}`,
    type: 'message',
    role: 'assistant',
    model: request.model,
    content: [{ type: 'text', text: said.join('') }],
    stop_reason: cut ? 'max_tokens' : 'end_turn',
    stop_sequence: null,
    usage: usageOf(countTokens(texts.join(' ')), said.length),
  };
  const requestId = { 'request-id': `req_demo${number}` };
  if (request.stream === true) return streamEvents(response, eventsOf(message, said), requestId);
  sendJson(response, 200, message, requestId);
}

interface Message {
  readonly usage: Readonly<Record<string, unknown>>;
  readonly stop_reason: string;
}

function* eventsOf(message: Message, pieces: readonly string[]): Generator<ServerSentEvent> {
  const event = (name: string, data: object) => ({ name, data: JSON.stringify({ type: name, ...data }) });
  const start = { ...message, content: [], stop_reason: null, usage: { ...message.usage, output_tokens: 1 } };
  yield event('message_start', { message: start });
  yield event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
  yield event('ping', {});
  for (const text of pieces) yield event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } });
  yield event('content_block_stop', { index: 0 });
  const delta = { stop_reason: message.stop_reason, stop_sequence: null };
  yield event('message_delta', { delta, usage: { output_tokens: pieces.length } });
  yield event('message_stop', {});
}

function usageOf(input: number, output: number): Record<string, unknown> {
  return {
    input_tokens: input,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: output,
    service_tier: 'standard',
  };
}

function refusal(problem: Problem, detail: string): Answer {
  const error = (status: number, type: string, message: string) => ({
    status,
    body: { type: 'error', error: { type, message }, request_id: null },
  });
  switch (problem) {
    case 'insufficient_scope':
      return error(403, 'permission_error', 'Your credential does not have permission to use this resource.');
    case 'not_found':
      return error(404, 'not_found_error', `Not found: ${detail}`);
    case 'too_large':
      return error(413, 'request_too_large', 'Request exceeds the maximum size');
    case 'invalid_request':
      return error(400, 'invalid_request_error', detail);
    default:
      return error(401, 'authentication_error', `invalid credential (demo: ${problem})`);
  }
}

function textOf(content: string | readonly { readonly text?: string | undefined }[]): string {
  return typeof content === 'string' ? content : content.map(({ text = '' }) => text).join(' ');
}
