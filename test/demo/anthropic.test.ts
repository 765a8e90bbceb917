import Anthropic, { APIError } from '@anthropic-ai/sdk';
import { test } from 'tap';
import { startAnthropic } from '../../demo/upstreams/anthropic.ts';
import { startUpstream, traceparent } from '../support/demo-world.ts';
import { rejection } from '../support/rejection.ts';

const messages = [{ role: 'user' as const, content: 'What is token exchange?' }];
const request = { model: 'claude-demo', max_tokens: 64, messages };

test('a message, whole and streamed, is the same', async (t) => {
  const { upstream, token } = await startUpstream(t, startAnthropic, 'model.invoke');
  const anthropic = new Anthropic({ baseURL: upstream.url, apiKey: await token(), defaultHeaders: { traceparent } });
  const whole = await anthropic.messages.create(request);
  t.match(whole.content, [{ type: 'text', text: 'Here is a short answer about: What is token exchange?' }]);
  t.match(whole, { stop_reason: 'end_turn', usage: { input_tokens: 4, output_tokens: 10 } });

  const final = await anthropic.messages.stream(request).finalMessage();
  t.strictSame(final.content, whole.content);
  t.match(final, { stop_reason: 'end_turn', usage: { input_tokens: 4, output_tokens: 10 } });
  t.match(upstream.received()[0], {
    path: '/v1/messages',
    outcome: 'accepted',
    hop: { actors: ['agent:researcher', 'agent:planner'] },
    traceparent,
  });
});

test('events come in the order of the real stream', async (t) => {
  const { upstream, token } = await startUpstream(t, startAnthropic, 'model.invoke');
  const response = await fetch(`${upstream.url}/v1/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await token()}`, 'anthropic-version': '2023-06-01' },
    body: JSON.stringify({ ...request, max_tokens: 3, stream: true }),
  });
  t.match(response.headers.get('content-type'), /^text\/event-stream/);
  const names = [...(await response.text()).matchAll(/^event: (.+)$/gm)].map(([, name]) => name);
  const deltas = Array<string>(3).fill('content_block_delta');
  const [first, last] = [
    ['message_start', 'content_block_start', 'ping'],
    ['content_block_stop', 'message_delta', 'message_stop'],
  ];
  t.strictSame(names, [...first, ...deltas, ...last]);
});

test('max_tokens cuts the answer and says so', async (t) => {
  const { upstream, token } = await startUpstream(t, startAnthropic, 'model.invoke');
  const anthropic = new Anthropic({ baseURL: upstream.url, apiKey: await token() });
  const message = await anthropic.messages.create({ ...request, max_tokens: 3 });
  t.match(message, { stop_reason: 'max_tokens', content: [{ text: 'Here is a' }], usage: { output_tokens: 3 } });
});

test('the token may be in x-api-key, as older SDKs send it', async (t) => {
  const { upstream, token } = await startUpstream(t, startAnthropic, 'model.invoke');
  const response = await fetch(`${upstream.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': await token(), 'anthropic-version': '2023-06-01' },
    body: JSON.stringify(request),
  });
  t.equal(response.status, 200);
});

test('a token that is not for this call gets the error the SDK knows', async (t) => {
  const { upstream, token } = await startUpstream(t, startAnthropic, 'model.invoke');
  const failing = async (changes: object) => {
    const anthropic = new Anthropic({ baseURL: upstream.url, apiKey: await token(changes), maxRetries: 0 });
    const failure = await rejection(anthropic.messages.create(request));
    return failure instanceof APIError ? [failure.status, failure.type] : failure;
  };
  t.strictSame(await failing({ audience: 'other' }), [401, 'authentication_error']);
  t.strictSame(await failing({ scope: 'vectors.read' }), [403, 'permission_error']);
  const version = await fetch(`${upstream.url}/v1/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await token()}` },
    body: JSON.stringify(request),
  });
  t.equal(version.status, 400, 'anthropic-version is required');
});
