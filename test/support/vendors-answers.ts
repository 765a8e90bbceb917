// What model APIs answer, whole and streamed, in the shapes their SDKs read.

import type { ServerResponse } from 'node:http';
import { type ServerSentEvent, streamEvents } from '../../demo/upstreams/event-stream.ts';
import { sendJson } from '../../demo/upstreams/serve.ts';
import type { Answer, Received } from './e2e-upstream.ts';

/** What every model here says. */
export const said = 'Nothing worth stealing.';
const pieces = ['Nothing ', 'worth ', 'stealing.'];

/** The JSON object a request brought; empty for any other. */
export function bodyOf({ body }: Received): Readonly<Record<string, unknown>> {
  const value: unknown = body.length === 0 ? {} : JSON.parse(body.toString('utf8'));
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function events(response: ServerResponse, all: Iterable<ServerSentEvent>): void {
  streamEvents(response, all).catch(() => response.destroy());
}

/** Chat completions, responses and embeddings as OpenAI's API and its likes have them. */
export const openaiAnswer: Answer = (response, received) => {
  const { model = 'default', stream } = bodyOf(received);
  const base = { id: 'chatcmpl-1', created: 1_767_225_600, model };
  if (/\/embeddings/.test(received.url)) {
    const data = [{ object: 'embedding', index: 0, embedding: [0.5, 0.25] }];
    return sendJson(response, 200, { object: 'list', data, model, usage: { prompt_tokens: 1, total_tokens: 1 } });
  }
  if (stream !== true) {
    const choices = [{ index: 0, message: { role: 'assistant', content: said }, finish_reason: 'stop' }];
    return sendJson(response, 200, { ...base, object: 'chat.completion', choices });
  }
  const chunks = pieces.map((content) => [{ index: 0, delta: { content }, finish_reason: null }]);
  const data = chunks.map((choices) => JSON.stringify({ ...base, object: 'chat.completion.chunk', choices }));
  events(
    response,
    [...data, '[DONE]'].map((line) => ({ data: line })),
  );
};

/** Messages as Anthropic has them, for itself and in the clouds: where the path or the body says so, as a stream. */
export const anthropicAnswer: Answer = (response, received) => {
  const { model = 'of-the-path', stream } = bodyOf(received);
  if (/count.tokens/.test(received.url)) return sendJson(response, 200, { input_tokens: 3 });
  const usage = { input_tokens: 3, output_tokens: pieces.length };
  const base = { id: 'msg_1', type: 'message', role: 'assistant', model, stop_sequence: null, usage };
  const streamed = stream === true || /:streamRawPredict/.test(received.url);
  if (!streamed) {
    return sendJson(response, 200, { ...base, content: [{ type: 'text', text: said }], stop_reason: 'end_turn' });
  }
  const event = (name: string, data: object) => ({ name, data: JSON.stringify({ type: name, ...data }) });
  events(response, [
    event('message_start', { message: { ...base, content: [], stop_reason: null } }),
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    ...pieces.map((text) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } })),
    event('content_block_stop', { index: 0 }),
    event('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 3 } }),
    event('message_stop', {}),
  ]);
};

/** Content as Gemini has it, at Google's developer API and on Vertex AI. */
export const geminiAnswer: Answer = (response, { url }) => {
  const part = (text: string) => ({
    candidates: [{ content: { role: 'model', parts: [{ text }] }, index: 0 }],
    modelVersion: 'gemini',
  });
  if (!/:streamGenerateContent/.test(url)) return sendJson(response, 200, part(said));
  events(
    response,
    pieces.map((text) => ({ data: JSON.stringify(part(text)) })),
  );
};
