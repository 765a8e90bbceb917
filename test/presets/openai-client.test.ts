// Vendors whose API OpenAI's client speaks: pointed at each preset's base URL, it is understood.

import { OpenAI } from 'openai';
import { test } from 'tap';
import { type Story, tell } from '../support/routing-sdks.ts';
import { presets } from '../support/routing-world.ts';

const named = [
  ...['openai', 'mistral', 'groq', 'together', 'fireworks', 'xai', 'deepseek', 'perplexity', 'openrouter'],
  ...['huggingface', 'databricks', 'vllm', 'ollama'],
];

/** What the client wants after the base URL of the vendor's own one. */
const after: ReadonlyMap<string, string> = new Map([
  ['mistral', '/v1'],
  ['groq', '/openai/v1'],
  ['ollama', '/v1'],
]);

function baseUrl(id: string, gate: string): string {
  const preset = presets.get(id);
  if (preset === undefined) throw new Error(`no preset ${id}`);
  const own = preset.client.base_url.replace('{gate}', gate).replace('{path}', preset.path);
  return own + (after.get(id) ?? '');
}

const client = (id: string, gate: string): OpenAI =>
  new OpenAI({ baseURL: baseUrl(id, gate), apiKey: 'agent', maxRetries: 0 });

function routeOf(id: string): Story['route'] {
  return presets.get(id)?.upstream === undefined ? { preset: id, upstream: 'https://vendor.example' } : { preset: id };
}

tell(
  Object.fromEntries(
    named.map((id): [string, Story] => [
      `${id}: chat`,
      {
        route: routeOf(id),
        ask: (gate) =>
          client(id, gate).chat.completions.create({
            model: 'vendor/small',
            messages: [{ role: 'user', content: 'hello' }],
            stream: true,
          }),
        expect: { operation: 'chat', model: 'vendor/small', stream: true },
      },
    ]),
  ),
);

tell({
  'groq: one model, with the slash of its name': {
    route: { preset: 'groq' },
    ask: (gate) => client('groq', gate).models.retrieve('openai/gpt-oss-120b'),
    expect: { operation: 'models.get', model: 'openai/gpt-oss-120b' },
  },
  'xai: embeddings': {
    route: { preset: 'xai' },
    ask: (gate) => client('xai', gate).embeddings.create({ model: 'v1', input: 'hello' }),
    expect: { operation: 'embeddings', model: 'v1' },
  },
  'openrouter: who is asking': {
    route: { preset: 'openrouter' },
    ask: (gate) =>
      client('openrouter', gate)
        .withOptions({ defaultHeaders: { 'HTTP-Referer': 'https://corp.example', 'X-Title': 'Corp' } })
        .responses.create({ model: 'openai/gpt-5', input: 'hello' }),
    expect: { operation: 'chat', model: 'openai/gpt-5' },
  },
});

test('every preset for this client is asked here', (t) => {
  const meant = [...presets.values()].filter(({ client: { base_url_env } }) => base_url_env === 'OPENAI_BASE_URL');
  const missing = meant.map(({ preset }) => preset).filter((id) => !named.includes(id));
  t.strictSame(missing, ['openai-compatible'], 'all but the one without a vendor');
  t.end();
});
