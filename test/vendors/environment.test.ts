// What a preset tells an agent to set is what its SDK reads: with nothing but those variables in its environment, the key a
// placeholder, each SDK comes to the sidecar that knows its agent, and through it. The agent's code names no URL and no key.

import { AnthropicFoundry } from '@anthropic-ai/foundry-sdk';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI, { AzureOpenAI } from 'openai';
import { type Test, test } from 'tap';
import type { Answer } from '../support/e2e-upstream.ts';
import { presets } from '../support/routing-world.ts';
import { anthropicAnswer, geminiAnswer, openaiAnswer } from '../support/vendors-answers.ts';
import { standing } from '../support/vendors-arms.ts';
import { expectAttributed, startVendorGate } from '../support/vendors-gate.ts';

type Headers = Record<string, string>;

interface Story {
  readonly answer: Answer;
  /** Header of the vendor's credential. */
  readonly slot?: string;
  /** Further variables. */
  readonly more?: Headers;
  readonly ask: (headers: Headers) => PromiseLike<unknown>;
}

const messages = [{ role: 'user' as const, content: 'hello' }];
const model = 'small';
const once = { maxRetries: 0 };

const stories: Record<string, Story> = {
  openai: {
    answer: openaiAnswer,
    ask: (defaultHeaders) => new OpenAI({ ...once, defaultHeaders }).chat.completions.create({ model, messages }),
  },
  'azure-openai': {
    answer: openaiAnswer,
    more: { OPENAI_API_VERSION: '2024-10-21' },
    ask: (defaultHeaders) => new AzureOpenAI({ ...once, defaultHeaders }).chat.completions.create({ model, messages }),
  },
  anthropic: {
    answer: anthropicAnswer,
    ask: (defaultHeaders) =>
      new Anthropic({ ...once, defaultHeaders }).messages.create({ model, messages, max_tokens: 8 }),
  },
  'anthropic-foundry': {
    answer: anthropicAnswer,
    ask: (defaultHeaders) =>
      new AnthropicFoundry({ ...once, defaultHeaders }).messages.create({ model, messages, max_tokens: 8 }),
  },
  gemini: {
    answer: geminiAnswer,
    slot: 'x-goog-api-key',
    ask: (headers) =>
      new GoogleGenAI({ httpOptions: { headers } }).models.generateContent({ model, contents: 'hello' }),
  },
};

/** Variables that these SDKs read, and no others of theirs. */
function setEnvironment(t: Test, variables: Headers): void {
  const before = { ...process.env };
  for (const name of Object.keys(before)) {
    if (/^(?:OPENAI|AZURE_OPENAI|ANTHROPIC|GOOGLE|GEMINI)_/.test(name)) delete process.env[name];
  }
  Object.assign(process.env, variables);
  t.teardown(() => {
    for (const name of Object.keys(variables)) delete process.env[name];
    Object.assign(process.env, before);
  });
}

for (const [name, { answer, slot, more = {}, ask }] of Object.entries(stories)) {
  test(`${name}: by its variables alone`, async (t) => {
    const gate = await startVendorGate(t, { preset: name, arm: standing(slot), answer, sidecar: true });
    const { apiKey, headers } = await gate.credentials();
    const { base_url_env = '', base_url, credential_slot } = presets.get(name)?.client ?? {};
    const url = base_url?.replace('{gate}', gate.gate).replace('{path}', presets.get(name)?.path ?? '') ?? '';
    t.match(base_url_env, /^[A-Z_]+$/);
    t.match(credential_slot, /^[A-Z_]+$/);
    setEnvironment(t, { ...more, [base_url_env]: url, [String(credential_slot)]: apiKey });
    t.equal(apiKey, 'placeholder');
    await ask(headers);
    await expectAttributed(t, gate, [{ preset: name }]);
  });
}

test("a process's own variables can carry the user's token too, where it serves one user", async (t) => {
  const gate = await startVendorGate(t, {
    preset: 'anthropic',
    arm: standing(),
    answer: anthropicAnswer,
    sidecar: true,
  });
  const { apiKey, headers } = await gate.credentials();
  setEnvironment(t, {
    ANTHROPIC_BASE_URL: `${gate.gate}/anthropic`,
    ANTHROPIC_API_KEY: apiKey,
    ANTHROPIC_CUSTOM_HEADERS: Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n'),
  });
  await new Anthropic(once).messages.create({ model, messages, max_tokens: 8 });
  await expectAttributed(t, gate, [{ preset: 'anthropic' }]);
});

test('an agent with both variables: the Azure client heeds OPENAI_BASE_URL, and not its endpoint', async (t) => {
  const gate = await startVendorGate(t, {
    preset: 'azure-openai',
    arm: standing(),
    answer: openaiAnswer,
    sidecar: true,
  });
  const { apiKey, headers } = await gate.credentials();
  setEnvironment(t, {
    OPENAI_BASE_URL: `${gate.gate}/azure-openai/openai`,
    OPENAI_API_VERSION: '2024-10-21',
    AZURE_OPENAI_ENDPOINT: 'http://azure.invalid',
    AZURE_OPENAI_API_KEY: apiKey,
  });
  await new AzureOpenAI({ ...once, defaultHeaders: headers }).chat.completions.create({ model, messages });
  await expectAttributed(t, gate, [{ preset: 'azure-openai', model }]);
});
