// Google's own SDK in both its modes, and Anthropic's client for Vertex AI: on Vertex a service account's token by workload
// identity federation; at the developer API, which has no federation, a standing key that only the gate holds.

import { AuthenticationError, InternalServerError, PermissionDeniedError, RateLimitError } from '@anthropic-ai/sdk';
import { AnthropicVertex, type ClientOptions } from '@anthropic-ai/vertex-sdk';
import { ApiError, GoogleGenAI } from '@google/genai';
import { type Test, test } from 'tap';
import { google as federation } from '../support/exchange-federation.ts';
import { googleAccount } from '../support/exchange-vendors/google.ts';
import { anthropicAnswer, geminiAnswer, said } from '../support/vendors-answers.ts';
import { federated, standing } from '../support/vendors-arms.ts';
import { expectAttributed, startVendorGate, type VendorGate } from '../support/vendors-gate.ts';
import { tellRefusals } from '../support/vendors-refusals.ts';

const vertexArm = federated(federation, ({ tokens }) => tokens, {
  entry: { service_account: googleAccount },
  scopes: ['https://www.googleapis.com/auth/cloud-platform'],
});
const where = { project: 'research', location: 'europe-west1' };
const resource = 'research/europe-west1';
const model = 'gemini-2.5-flash';
const contents = 'What is worth stealing here?';

type Ask = (apiKey: string, headers: Record<string, string>) => Promise<unknown>;

function vertexGate(t: Test, route = {}): Promise<VendorGate> {
  return startVendorGate(t, { preset: 'vertex', arm: vertexArm, route, answer: geminiAnswer });
}

const vertex = (gate: VendorGate, apiKey: string, headers: Record<string, string>): GoogleGenAI =>
  new GoogleGenAI({ vertexai: true, ...where, apiKey, httpOptions: { baseUrl: `${gate.gate}/vertex`, headers } });

const developer = (gate: VendorGate, apiKey: string, headers: Record<string, string>): GoogleGenAI =>
  new GoogleGenAI({ apiKey, httpOptions: { baseUrl: `${gate.gate}/gemini`, headers } });

async function streamedText(google: GoogleGenAI): Promise<string> {
  let text = '';
  for await (const chunk of await google.models.generateContentStream({ model, contents })) text += chunk.text ?? '';
  return text;
}

test("Vertex AI: content, whole and streamed, by the service account's token", async (t) => {
  const gate = await vertexGate(t);
  const { apiKey, headers } = await gate.credentials();
  const google = vertex(gate, apiKey, headers);
  t.equal((await google.models.generateContent({ model, contents })).text, said);
  t.equal(await streamedText(google), said);
  t.ok(gate.upstream.received.every(({ token }) => token?.startsWith('ya29.c.')));
  await expectAttributed(t, gate, [
    { operation: 'generate_content', model, cache: 'miss' },
    { operation: 'generate_content', model, cache: 'hit' },
  ]);
});

test('Vertex AI: refusals are errors of the SDK', async (t) => {
  const gate = await vertexGate(t, { allow: [{ id: 'flash', when: 'request.model.endsWith("-flash")' }] });
  await tellGoogleRefusals(t, gate, vertex);
});

test('Gemini Developer API: by the standing key of the gate, in its own header', async (t) => {
  const arm = standing('x-goog-api-key');
  const gate = await startVendorGate(t, { preset: 'gemini', arm, answer: geminiAnswer });
  const { apiKey, headers } = await gate.credentials();
  const google = developer(gate, apiKey, headers);
  t.equal((await google.models.generateContent({ model, contents })).text, said);
  t.equal(await streamedText(google), said);
  await expectAttributed(t, gate, [
    { operation: 'generate_content', model, stripped: ['header:postern-subject-token', 'header:x-goog-api-key'] },
    { operation: 'generate_content', model },
  ]);
});

test('Gemini Developer API: refusals are errors of the SDK', async (t) => {
  const route = { allow: [{ id: 'flash', when: 'request.model.endsWith("-flash")' }] };
  const arm = standing('x-goog-api-key');
  const gate = await startVendorGate(t, { preset: 'gemini', arm, route, answer: geminiAnswer });
  await tellGoogleRefusals(t, gate, developer);
});

function tellGoogleRefusals(t: Test, gate: VendorGate, client: typeof vertex): Promise<void> {
  const ask =
    (name: string): Ask =>
    (apiKey, headers) =>
      client(gate, apiKey, headers).models.generateContent({ model: name, contents });
  return tellRefusals(t, gate, {
    ask: ask(model),
    askDenied: ask('gemini-2.5-pro'),
    tooMany: { error: { code: 429, message: 'Resource exhausted.', status: 'RESOURCE_EXHAUSTED' } },
    expect: (status) => [ApiError, { status }],
  });
}

const claude = 'claude-sonnet-4-5@20250929';
const asked = { max_tokens: 64, messages: [{ role: 'user' as const, content: contents }] };

function claudeGate(t: Test, route = {}): Promise<VendorGate> {
  return startVendorGate(t, {
    preset: 'anthropic-vertex',
    arm: vertexArm,
    route,
    answer: anthropicAnswer,
    requestId: 'request-id',
  });
}

/** What of Google's client is used: the header, with the agent's own token. */
function claudeClient(gate: VendorGate, token: string, defaultHeaders: Record<string, string>): AnthropicVertex {
  const getRequestHeaders = async () => new Headers({ authorization: `Bearer ${token}` });
  // The SDK calls this one method of it, and wants the whole type.
  const authClient = { getRequestHeaders } as unknown as NonNullable<ClientOptions['authClient']>;
  const own = { region: where.location, projectId: where.project, authClient };
  return new AnthropicVertex({ baseURL: `${gate.gate}/anthropic-vertex/v1`, ...own, defaultHeaders, maxRetries: 0 });
}

test("Anthropic on Vertex AI: messages, whole and streamed, by the service account's token", async (t) => {
  const gate = await claudeGate(t);
  const { apiKey, headers } = await gate.credentials();
  const anthropic = claudeClient(gate, apiKey, headers);
  const whole = await anthropic.messages.create({ model: claude, ...asked });
  t.match(whole.content, [{ type: 'text', text: said }]);
  const streamed = await anthropic.messages.stream({ model: claude, ...asked }).finalMessage();
  t.strictSame(streamed.content, whole.content);
  await anthropic.messages.countTokens({ model: claude, messages: asked.messages });
  t.ok(gate.upstream.received.every(({ token }) => token?.startsWith('ya29.c.')));
  t.ok(gate.upstream.received[0]?.url.endsWith(`/publishers/anthropic/models/${claude}:rawPredict`));
  await expectAttributed(t, gate, [
    { operation: 'chat', model: claude },
    { operation: 'chat', model: claude },
    { operation: 'count_tokens', model: claude },
  ]);
});

test('Anthropic on Vertex AI: refusals are errors of the SDK', async (t) => {
  const when = `request.model == "${claude}" && request.resource == "${resource}"`;
  const gate = await claudeGate(t, { allow: [{ id: 'sonnet-here', when }] });
  const ask =
    (name: string): Ask =>
    (apiKey, headers) =>
      claudeClient(gate, apiKey, headers).messages.create({ model: name, ...asked });
  const kinds = new Map([
    [401, AuthenticationError],
    [403, PermissionDeniedError],
    [429, RateLimitError],
    [503, InternalServerError],
  ]);
  await tellRefusals(t, gate, {
    ask: ask(claude),
    askDenied: ask('claude-opus-5'),
    tooMany: [{ error: { code: 429, message: 'Quota exceeded.', status: 'RESOURCE_EXHAUSTED' } }],
    expect: (status) => [kinds.get(status) ?? Error, { status }],
  });
});
