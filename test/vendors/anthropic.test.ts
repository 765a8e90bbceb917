// Anthropic's own SDK, a placeholder for a key, and Anthropic's workload identity federation behind the gate.

import Anthropic, {
  AuthenticationError,
  InternalServerError,
  PermissionDeniedError,
  RateLimitError,
} from '@anthropic-ai/sdk';
import { type Test, test } from 'tap';
import { anthropic as federation } from '../support/exchange-federation.ts';
import { anthropicAnswer, said } from '../support/vendors-answers.ts';
import { federated } from '../support/vendors-arms.ts';
import { expectAttributed, startVendorGate, type VendorGate } from '../support/vendors-gate.ts';
import { tellRefusals } from '../support/vendors-refusals.ts';

const model = 'claude-haiku-4-5';
const asked = { max_tokens: 64, messages: [{ role: 'user' as const, content: 'What is worth stealing here?' }] };

function start(t: Test, route = {}): Promise<VendorGate> {
  const arm = federated(federation, ({ tokens }) => tokens);
  return startVendorGate(t, { preset: 'anthropic', arm, route, answer: anthropicAnswer, requestId: 'request-id' });
}

function client(gate: VendorGate, apiKey: string, defaultHeaders: Record<string, string>): Anthropic {
  return new Anthropic({ baseURL: `${gate.gate}/anthropic`, apiKey, defaultHeaders, maxRetries: 0 });
}

test('messages, whole and streamed, by the token that Anthropic gave for them', async (t) => {
  const gate = await start(t);
  const { apiKey, headers } = await gate.credentials();
  const anthropic = client(gate, apiKey, headers);
  const whole = await anthropic.messages.create({ model, ...asked });
  t.match(whole.content, [{ type: 'text', text: said }]);
  const streamed = await anthropic.messages.stream({ model, ...asked }).finalMessage();
  t.strictSame(streamed.content, whole.content);
  await anthropic.beta.messages.create({ model, ...asked, betas: ['context-1m-2025-08-07'] });

  const betas = gate.upstream.received.map(({ headers: { 'anthropic-beta': beta } }) => beta);
  t.match(betas, ['oauth-2025-04-20', 'oauth-2025-04-20', /oauth-2025-04-20/], 'what a federated token needs');
  t.match(betas[2], /context-1m-2025-08-07/, "the agent's own beta beside it");
  t.ok(gate.upstream.received.every(({ token }) => token?.startsWith('sk-ant-oat01-')));
  await expectAttributed(t, gate, [
    { operation: 'chat', model, cache: 'miss' },
    { operation: 'chat', model, cache: 'hit' },
    { operation: 'chat', model, cache: 'hit' },
  ]);
});

test('refusals are errors of the SDK', async (t) => {
  const gate = await start(t, { allow: [{ id: 'small', when: 'request.model.startsWith("claude-haiku")' }] });
  const ask = (name: string) => (apiKey: string, headers: Record<string, string>) =>
    client(gate, apiKey, headers).messages.create({ model: name, ...asked });
  const kinds = new Map([
    [401, AuthenticationError],
    [403, PermissionDeniedError],
    [429, RateLimitError],
    [503, InternalServerError],
  ]);
  await tellRefusals(t, gate, {
    ask: ask(model),
    askDenied: ask('claude-opus-5'),
    tooMany: { type: 'error', error: { type: 'rate_limit_error', message: 'Too many.' }, request_id: 'req_1' },
    expect: (status) => [kinds.get(status) ?? Error, { status }],
  });
});
