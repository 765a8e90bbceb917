// The openai SDK through the gate: its calls reach an upstream that verifies every token, its streams arrive as they were
// sent, and what the gate refuses raises the SDK's own exception types.

import OpenAI, {
  APIError,
  AuthenticationError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
} from 'openai';
import { type Test, test } from 'tap';
import { startOpenAi } from '../../demo/upstreams/openai.ts';
import { startVendor, traceId, type VendorWorld } from '../support/e2e-vendor.ts';
import { calls } from '../support/e2e-world.ts';
import { rejection } from '../support/rejection.ts';

const messages = [{ role: 'user' as const, content: 'What is token exchange?' }];
const model = 'gpt-5-mini';

function start(t: Test, route = {}): Promise<VendorWorld> {
  const audience = 'https://api.openai.com';
  return startVendor(t, { preset: 'openai', audience, scope: 'model.invoke', start: startOpenAi, route });
}

async function client(world: VendorWorld, more = {}): Promise<OpenAI> {
  const { apiKey, headers } = await world.credentials();
  return new OpenAI({ baseURL: `${world.gate}/openai/v1`, apiKey, defaultHeaders: headers, maxRetries: 0, ...more });
}

async function failure(promise: PromiseLike<unknown>): Promise<APIError> {
  const error = await rejection(promise);
  if (!(error instanceof APIError)) throw error;
  return error;
}

test('chat, whole and streamed, and embeddings', async (t) => {
  const world = await start(t);
  const openai = await client(world);
  const whole = await openai.chat.completions.create({ model, messages });
  const text = whole.choices[0]?.message.content;
  t.equal(text, 'Here is a short answer about: What is token exchange?');

  const options = { model, messages, stream: true as const, stream_options: { include_usage: true } };
  let streamed = '';
  let usage: unknown;
  for await (const chunk of await openai.chat.completions.create(options)) {
    streamed += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage ?? usage;
  }
  t.equal(streamed, text);
  t.strictSame(usage, whole.usage);

  const { data } = await openai.embeddings.create({ model: 'text-embedding-3-small', input: 'x', dimensions: 16 });
  t.equal(data[0]?.embedding.length, 16);

  const facts = world.vendor.received();
  t.equal(facts.length, 3);
  for (const { outcome, hop, headerNames } of facts) {
    t.equal(outcome, 'accepted');
    t.match(hop, { sub: 'user:alice', audiences: ['https://api.openai.com'], actors: ['agent:planner'] });
    t.notOk(headerNames.includes('postern-subject-token'));
    t.notOk(headerNames.some((name) => name.startsWith('x-forwarded') || name === 'cookie'));
  }
  const { records, spans } = await world.end();
  t.match(calls(records), [
    { operation: 'chat', model, cache: 'miss', upstream: { request_id: /^req_demo/ } },
    { operation: 'chat', model, cache: 'hit' },
    { operation: 'embeddings', model: 'text-embedding-3-small', cache: 'hit' },
  ]);
  t.ok(spans.every((span) => span.traceId === traceId));
});

test('the raw answer names our request id, and not how the upstream named it', async (t) => {
  const world = await start(t);
  const openai = await client(world);
  const { response, request_id } = await openai.chat.completions.create({ model, messages }).withResponse();
  t.match(request_id, /^[0-9a-f-]{36}$/);
  t.equal(response.headers.get('openai-version'), '2020-10-01');
  t.match(calls((await world.end()).records), [{ request_id: request_id ?? '' }]);
});

test('each refusal is the SDK error its user expects', async (t) => {
  const world = await start(t, { allow: [{ id: 'small', when: 'request.model.endsWith("-mini")' }] });
  const ask = (openai: OpenAI, asked = model) => failure(openai.chat.completions.create({ model: asked, messages }));

  const denied = await ask(await client(world), 'gpt-5-pro');
  t.ok(denied instanceof PermissionDeniedError);
  t.match(denied, { status: 403, code: 'access_denied', type: 'permission_error', message: /Policy does not allow/ });
  t.equal(denied.headers?.get('x-should-retry'), 'false');
  t.match(denied.requestID, /^[0-9a-f-]{36}$/);

  const badKey = await ask(await client(world, { apiKey: 'sk-standing-key' }));
  t.ok(badKey instanceof AuthenticationError);
  t.match(badKey, { status: 401, code: 'credential_invalid', type: 'authentication_error' });
  t.equal(badKey.headers?.get('www-authenticate'), 'Bearer realm="postern", error="invalid_token"');

  const notFound = await failure((await client(world, { baseURL: `${world.gate}/nowhere/v1` })).models.list());
  t.ok(notFound instanceof NotFoundError);

  world.issuer.setDown(true);
  const unavailable = await ask(await client(world));
  t.ok(unavailable instanceof InternalServerError);
  t.match(unavailable, { status: 503, code: 'credential_unavailable', type: 'server_error' });
  t.match(unavailable.headers?.get('retry-after'), /^[1-9]\d*$/);
  t.equal(unavailable.headers?.get('x-should-retry'), null, 'this one may be tried again');
});

test('x-should-retry: a refused call is not tried again by the SDK', async (t) => {
  const world = await start(t, { allow: [{ id: 'none', when: 'false' }] });
  const openai = await client(world, { maxRetries: 3 });
  t.equal((await failure(openai.chat.completions.create({ model, messages }))).status, 403);
  world.issuer.setDown(true);
  t.equal(calls((await world.end()).records).length, 1);
});

test("the upstream's own errors pass in their own shape", async (t) => {
  const world = await start(t);
  const error = await failure((await client(world)).chat.completions.create({ model, messages: [] }));
  t.match(error, { status: 400, type: 'invalid_request_error', message: /Invalid value for 'messages'/ });
  t.equal(error.headers?.get('postern-error'), null);
  const scope = await failure((await client(world)).models.list());
  t.match(scope, { status: 403, message: /insufficient permissions/ });
});

test('an abort by the caller ends the call upstream and is no error', async (t) => {
  const world = await start(t);
  const openai = await client(world);
  const stream = await openai.chat.completions.create({ model, messages, stream: true });
  for await (const chunk of stream) {
    t.ok(chunk.id);
    break;
  }
  t.equal((await openai.chat.completions.create({ model, messages })).object, 'chat.completion', 'the gate serves on');
});
