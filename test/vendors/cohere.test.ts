// Cohere's own SDK, which has its own API and its own errors: a standing key that only the gate holds.

import { Cohere, CohereClientV2 } from 'cohere-ai';
import { type Test, test } from 'tap';
import { streamEvents } from '../../demo/upstreams/event-stream.ts';
import { sendJson } from '../../demo/upstreams/serve.ts';
import type { Answer } from '../support/e2e-upstream.ts';
import { bodyOf, said } from '../support/vendors-answers.ts';
import { standing } from '../support/vendors-arms.ts';
import { expectAttributed, startVendorGate, type VendorGate } from '../support/vendors-gate.ts';
import { tellRefusals } from '../support/vendors-refusals.ts';

const model = 'command-a-03-2025';
const messages = [{ role: 'user' as const, content: 'What is worth stealing here?' }];

const answer: Answer = (response, received) => {
  if (received.url === '/v2/rerank') {
    return sendJson(response, 200, { id: 'r1', results: [{ index: 1, relevance_score: 0.5 }], meta: {} });
  }
  if (bodyOf(received)['stream'] !== true) {
    const message = { role: 'assistant', content: [{ type: 'text', text: said }] };
    return sendJson(response, 200, { id: 'c1', finish_reason: 'COMPLETE', message });
  }
  const events = ['Nothing ', 'worth ', 'stealing.'].map((text) => {
    return { data: JSON.stringify({ type: 'content-delta', index: 0, delta: { message: { content: { text } } } }) };
  });
  streamEvents(response, [...events, { data: '[DONE]' }]).catch(() => response.destroy());
};

function start(t: Test, route = {}): Promise<VendorGate> {
  return startVendorGate(t, { preset: 'cohere', arm: standing(), route, answer, requestId: 'x-debug-trace-id' });
}

function client(gate: VendorGate, token: string, headers: Record<string, string>): CohereClientV2 {
  return new CohereClientV2({ environment: `${gate.gate}/cohere`, token, headers, maxRetries: 0 });
}

test('chat, whole and streamed, and rerank', async (t) => {
  const gate = await start(t);
  const { apiKey, headers } = await gate.credentials();
  const cohere = client(gate, apiKey, headers);
  const whole = await cohere.chat({ model, messages });
  t.match(whole.message.content, [{ type: 'text', text: said }]);
  let streamed = '';
  for await (const event of await cohere.chatStream({ model, messages })) {
    if (event.type === 'content-delta') streamed += event.delta?.message?.content?.text ?? '';
  }
  t.equal(streamed, said);
  const { results } = await cohere.rerank({ model: 'rerank-v3.5', query: 'a', documents: ['b', 'c'] });
  t.match(results, [{ index: 1 }]);
  await expectAttributed(t, gate, [
    { operation: 'chat', model },
    { operation: 'chat', model },
    { operation: 'rerank', model: 'rerank-v3.5' },
  ]);
});

test('refusals are errors of the SDK', async (t) => {
  const gate = await start(t, { allow: [{ id: 'one', when: `request.model == "${model}"` }] });
  const ask = (asked: string) => (token: string, headers: Record<string, string>) =>
    client(gate, token, headers).chat({ model: asked, messages });
  const kinds = new Map([
    [401, Cohere.UnauthorizedError],
    [403, Cohere.ForbiddenError],
    [429, Cohere.TooManyRequestsError],
    [503, Cohere.ServiceUnavailableError],
  ]);
  await tellRefusals(t, gate, {
    ask: ask(model),
    askDenied: ask('command-r-plus'),
    tooMany: { message: 'You are using a Trial key, which is limited to 10 API calls / minute.' },
    expect: (statusCode) => [kinds.get(statusCode) ?? Error, { statusCode }],
  });
});
