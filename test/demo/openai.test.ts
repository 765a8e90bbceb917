import OpenAI, { APIError } from 'openai';
import { test } from 'tap';
import { startOpenAi } from '../../demo/upstreams/openai.ts';
import { type DemoWorld, startUpstream, traceparent } from '../support/demo-world.ts';
import { rejection } from '../support/rejection.ts';

const messages = [{ role: 'user' as const, content: 'What is token exchange?' }];
const model = 'gpt-5-mini';

async function client({ upstream, token }: DemoWorld, changes = {}) {
  const apiKey = await token(changes);
  return new OpenAI({ baseURL: `${upstream.url}/v1`, apiKey, maxRetries: 0, defaultHeaders: { traceparent } });
}

test('a completion, whole and streamed, is the same text with the same usage', async (t) => {
  const world = await startUpstream(t, startOpenAi, 'model.invoke');
  const openai = await client(world);
  const whole = await openai.chat.completions.create({ model, messages });
  const text = whole.choices[0]?.message.content;
  t.equal(text, 'Here is a short answer about: What is token exchange?');
  t.match(whole.usage, { prompt_tokens: 4, completion_tokens: 10, total_tokens: 14 });

  const options = { model, messages, stream: true as const, stream_options: { include_usage: true } };
  let streamed = '';
  let usage: unknown;
  for await (const chunk of await openai.chat.completions.create(options)) {
    streamed += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage ?? usage;
  }
  t.equal(streamed, text);
  t.strictSame(usage, whole.usage);
});

test('embeddings of texts that share words are near each other', async (t) => {
  const openai = await client(await startUpstream(t, startOpenAi, 'model.invoke'));
  const input = ['token exchange narrows tokens', 'exchange of a token', 'bananas are yellow'];
  const { data } = await openai.embeddings.create({ model: 'text-embedding-3-small', input, dimensions: 64 });
  const [one = [], two = [], three = []] = data.map(({ embedding }) => embedding);
  t.equal(one.length, 64);
  const dot = (left: number[], right: number[]) =>
    left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0);
  t.ok(dot(one, two) > dot(one, three));
  const plain = await openai.embeddings.create({ model: 'm', input: 'x', encoding_format: 'float' });
  t.equal(plain.data[0]?.embedding.length, 32);
});

test('what reached it is told without a token in it', async (t) => {
  const world = await startUpstream(t, startOpenAi, 'model.invoke');
  const apiKey = await world.token();
  const openai = new OpenAI({ baseURL: `${world.upstream.url}/v1`, apiKey, defaultHeaders: { traceparent } });
  await openai.chat.completions.create({ model, messages });
  const facts = world.upstream.received();
  t.match(facts, [
    {
      method: 'POST',
      path: '/v1/chat/completions',
      outcome: 'accepted',
      hop: {
        sub: 'alice',
        audiences: ['https://upstream.example'],
        scopes: ['model.invoke'],
        actors: ['agent:researcher', 'agent:planner'],
        clientId: 'postern',
        lifetime: 120,
      },
      traceparent,
    },
  ]);
  t.ok(facts[0]?.headerNames.includes('authorization'), 'header names, but no values');
  for (const part of apiKey.split('.')) t.notOk(JSON.stringify(facts).includes(part));
});

test('a token that is not for this call gets the error the SDK knows', async (t) => {
  const world = await startUpstream(t, startOpenAi, 'model.invoke');
  const cases: [object, number, string][] = [
    [{ audience: 'https://api.anthropic.com' }, 401, 'wrong_audience'],
    [{ ttl: -1 }, 401, 'expired'],
    [{ act: undefined }, 401, 'no_actor'],
    [{ typ: 'JWT' }, 401, 'wrong_type'],
    [{ scope: 'model.list' }, 403, 'insufficient_scope'],
  ];
  for (const [changes, status, outcome] of cases) {
    const openai = await client(world, changes);
    const failure = await rejection(openai.chat.completions.create({ model, messages }));
    t.ok(failure instanceof APIError && failure.status === status, outcome);
    t.equal(world.upstream.received().at(-1)?.outcome, outcome);
  }
  const keyed = new OpenAI({ baseURL: `${world.upstream.url}/v1`, apiKey: 'sk-live-key', maxRetries: 0 });
  t.match(await rejection(keyed.models.list()), { status: 401, code: 'invalid_api_key' });
  t.equal(world.upstream.received().at(-1)?.outcome, 'malformed');
});

test('models are listed for those who may list them', async (t) => {
  const world = await startUpstream(t, startOpenAi, 'model.list');
  const { data } = await (await client(world)).models.list();
  t.ok(data.some(({ id }) => id === model));
});

test('requests that make no sense are 400, unknown paths 404', async (t) => {
  const world = await startUpstream(t, startOpenAi, 'model.invoke');
  const openai = await client(world);
  t.match(await rejection(openai.chat.completions.create({ model, messages: [] })), { status: 400 });
  t.match(await rejection(openai.post('/nothing', { body: {} })), { status: 404 });
  const authorization = `Bearer ${await world.token()}`;
  const url = `${world.upstream.url}/v1/embeddings`;
  const post = (body: string) => fetch(url, { method: 'POST', headers: { authorization }, body });
  t.equal((await post('{')).status, 400);
  t.equal((await post('x'.repeat(1_100_000))).status, 413);
});
