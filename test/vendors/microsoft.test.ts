// Azure OpenAI by OpenAI's Azure client and by its plain one, Claude in Foundry by Anthropic's client: with a token of Entra for
// the gate's application, or, On-Behalf-Of, for the user.

import { AnthropicFoundry } from '@anthropic-ai/foundry-sdk';
import * as Claude from '@anthropic-ai/sdk';
import OpenAI, {
  AuthenticationError,
  AzureOpenAI,
  InternalServerError,
  PermissionDeniedError,
  RateLimitError,
} from 'openai';
import { type Test, test } from 'tap';
import { entraOnBehalfOf, entraWorkload } from '../support/exchange-federation.ts';
import { anthropicAnswer, openaiAnswer, said } from '../support/vendors-answers.ts';
import { federated } from '../support/vendors-arms.ts';
import { expectAttributed, startVendorGate, type VendorGate } from '../support/vendors-gate.ts';
import { tellRefusals } from '../support/vendors-refusals.ts';

const deployment = 'research-mini';
const messages = [{ role: 'user' as const, content: 'What is worth stealing here?' }];
const asked = { max_tokens: 64, messages };

const workload = federated(entraWorkload, ({ tokens }) => tokens, { names: 'nobody' });
const onBehalfOf = federated(entraOnBehalfOf, ({ tokens }) => tokens, { direct: true, names: 'user' });

function azureGate(t: Test, arm = workload, route = {}): Promise<VendorGate> {
  return startVendorGate(t, { preset: 'azure-openai', arm, route, answer: openaiAnswer, requestId: 'apim-request-id' });
}

function azure(gate: VendorGate, apiKey: string, defaultHeaders: Record<string, string>): AzureOpenAI {
  const endpoint = `${gate.gate}/azure-openai`;
  return new AzureOpenAI({ endpoint, apiVersion: '2024-10-21', apiKey, defaultHeaders, maxRetries: 0 });
}

async function streamedText(client: OpenAI): Promise<string> {
  let text = '';
  for await (const { choices } of await client.chat.completions.create({ model: deployment, messages, stream: true })) {
    text += choices[0]?.delta.content ?? '';
  }
  return text;
}

test("Azure OpenAI: chat, whole and streamed, by the application's token", async (t) => {
  const gate = await azureGate(t);
  const { apiKey, headers } = await gate.credentials();
  const client = azure(gate, apiKey, headers);
  const whole = await client.chat.completions.create({ model: deployment, messages });
  t.equal(whole.choices[0]?.message.content, said);
  t.equal(await streamedText(client), said);
  t.ok(gate.upstream.received.every(({ token }) => token?.startsWith('entra-at-')));
  await expectAttributed(t, gate, [
    { operation: 'chat', model: deployment, stripped: ['header:api-key', 'header:postern-subject-token'] },
    { operation: 'chat', model: deployment, cache: 'hit' },
  ]);
});

test("Azure OpenAI: the agent's token may come as Entra's would, and the v1 API by the plain client", async (t) => {
  const gate = await azureGate(t);
  const { apiKey, headers } = await gate.credentials();
  const endpoint = `${gate.gate}/azure-openai`;
  const azureADTokenProvider = async () => apiKey;
  const own = { endpoint, apiVersion: '2024-10-21', azureADTokenProvider, defaultHeaders: headers, maxRetries: 0 };
  await new AzureOpenAI(own).chat.completions.create({ model: deployment, messages });
  const plain = new OpenAI({ baseURL: `${endpoint}/openai/v1`, apiKey, defaultHeaders: headers, maxRetries: 0 });
  t.equal(await streamedText(plain), said);
  await expectAttributed(t, gate, [
    { operation: 'chat', model: deployment, stripped: ['header:authorization', 'header:postern-subject-token'] },
    { operation: 'chat', model: deployment },
  ]);
});

test("Azure OpenAI: On-Behalf-Of, by a token that is the user's own", async (t) => {
  const gate = await azureGate(t, onBehalfOf);
  const { apiKey, headers } = await gate.credentials();
  t.equal(await streamedText(azure(gate, apiKey, headers)), said);
  await expectAttributed(t, gate, [{ operation: 'chat', model: deployment, cache: 'miss' }]);
});

test('Azure OpenAI: refusals are errors of the SDK', async (t) => {
  const gate = await azureGate(t, workload, { allow: [{ id: 'mini', when: `request.model == "${deployment}"` }] });
  const ask = (model: string) => (apiKey: string, headers: Record<string, string>) =>
    azure(gate, apiKey, headers).chat.completions.create({ model, messages });
  const kinds = new Map([
    [401, AuthenticationError],
    [403, PermissionDeniedError],
    [429, RateLimitError],
    [503, InternalServerError],
  ]);
  await tellRefusals(t, gate, {
    ask: ask(deployment),
    askDenied: ask('research-large'),
    tooMany: { error: { code: '429', message: 'Requests have exceeded the token rate limit.' } },
    expect: (status) => [kinds.get(status) ?? Error, { status }],
  });
});

function foundryGate(t: Test, route = {}): Promise<VendorGate> {
  const options = { preset: 'anthropic-foundry', arm: workload, answer: anthropicAnswer, requestId: 'request-id' };
  return startVendorGate(t, { ...options, route });
}

function foundry(gate: VendorGate, apiKey: string, defaultHeaders: Record<string, string>): AnthropicFoundry {
  const baseURL = `${gate.gate}/anthropic-foundry/anthropic`;
  return new AnthropicFoundry({ baseURL, apiKey, defaultHeaders, maxRetries: 0 });
}

test("Anthropic in Foundry: messages, whole and streamed, by the application's token", async (t) => {
  const gate = await foundryGate(t);
  const { apiKey, headers } = await gate.credentials();
  const anthropic = foundry(gate, apiKey, headers);
  const whole = await anthropic.messages.create({ model: deployment, ...asked });
  t.match(whole.content, [{ type: 'text', text: said }]);
  const streamed = await anthropic.messages.stream({ model: deployment, ...asked }).finalMessage();
  t.strictSame(streamed.content, whole.content);
  t.ok(gate.upstream.received.every(({ url }) => url.startsWith('/anthropic/v1/messages')));
  await expectAttributed(t, gate, [
    { operation: 'chat', model: deployment, cache: 'miss' },
    { operation: 'chat', model: deployment, cache: 'hit' },
  ]);
});

test('Anthropic in Foundry: refusals are errors of the SDK', async (t) => {
  const gate = await foundryGate(t, { allow: [{ id: 'mini', when: `request.model == "${deployment}"` }] });
  const ask = (model: string) => (apiKey: string, headers: Record<string, string>) =>
    foundry(gate, apiKey, headers).messages.create({ model, ...asked });
  const kinds = new Map([
    [401, Claude.AuthenticationError],
    [403, Claude.PermissionDeniedError],
    [429, Claude.RateLimitError],
    [503, Claude.InternalServerError],
  ]);
  await tellRefusals(t, gate, {
    ask: ask(deployment),
    askDenied: ask('research-large'),
    tooMany: { type: 'error', error: { type: 'rate_limit_error', message: 'Too many.' } },
    expect: (status) => [kinds.get(status) ?? Error, { status }],
  });
});
