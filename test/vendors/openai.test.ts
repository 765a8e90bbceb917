// OpenAI's own SDK, a placeholder for a key, and OpenAI's workload identity federation behind the gate.

import OpenAI, { AuthenticationError, InternalServerError, PermissionDeniedError, RateLimitError } from 'openai';
import { type Test, test } from 'tap';
import { openai as federation } from '../support/exchange-federation.ts';
import { openaiAnswer, said } from '../support/vendors-answers.ts';
import { federated } from '../support/vendors-arms.ts';
import { expectAttributed, startVendorGate, type VendorGate } from '../support/vendors-gate.ts';
import { tellRefusals } from '../support/vendors-refusals.ts';

const model = 'gpt-5-mini';
const messages = [{ role: 'user' as const, content: 'What is worth stealing here?' }];

function start(t: Test, route = {}): Promise<VendorGate> {
  const arm = federated(federation, ({ tokens }) => tokens);
  return startVendorGate(t, { preset: 'openai', arm, route, answer: openaiAnswer, requestId: 'x-request-id' });
}

function client(gate: VendorGate, apiKey: string, defaultHeaders: Record<string, string>): OpenAI {
  return new OpenAI({ baseURL: `${gate.gate}/openai/v1`, apiKey, defaultHeaders, maxRetries: 0 });
}

test('chat, whole and streamed, and embeddings by the token that OpenAI gave for it', async (t) => {
  const gate = await start(t);
  const { apiKey, headers } = await gate.credentials();
  const openai = client(gate, apiKey, headers);
  const whole = await openai.chat.completions.create({ model, messages });
  t.equal(whole.choices[0]?.message.content, said);
  let streamed = '';
  for await (const { choices } of await openai.chat.completions.create({ model, messages, stream: true })) {
    streamed += choices[0]?.delta.content ?? '';
  }
  t.equal(streamed, said);
  const { data } = await openai.embeddings.create({
    model: 'text-embedding-3-small',
    input: 'x',
    encoding_format: 'float',
  });
  t.strictSame(data[0]?.embedding, [0.5, 0.25]);
  t.ok(gate.upstream.received.every(({ token }) => token?.startsWith('openai-wif-')));
  await expectAttributed(t, gate, [
    { operation: 'chat', model, cache: 'miss' },
    { operation: 'chat', model, cache: 'hit' },
    { operation: 'embeddings', model: 'text-embedding-3-small', cache: 'hit' },
  ]);
});

test('refusals are errors of the SDK', async (t) => {
  const gate = await start(t, { allow: [{ id: 'small', when: 'request.model.endsWith("-mini")' }] });
  const ask = (asked: string) => (apiKey: string, headers: Record<string, string>) =>
    client(gate, apiKey, headers).chat.completions.create({ model: asked, messages });
  const kinds = new Map([
    [401, AuthenticationError],
    [403, PermissionDeniedError],
    [429, RateLimitError],
    [503, InternalServerError],
  ]);
  await tellRefusals(t, gate, {
    ask: ask(model),
    askDenied: ask('gpt-5-pro'),
    tooMany: { error: { message: 'Rate limit reached', type: 'tokens', param: null, code: 'rate_limit_exceeded' } },
    expect: (status) => [kinds.get(status) ?? Error, { status }],
  });
});
