// The Anthropic SDK through the gate: messages whole and streamed, its newer and its older credential slot, its errors.

import Anthropic, { APIError } from '@anthropic-ai/sdk';
import { type Test, test } from 'tap';
import { startAnthropic } from '../../demo/upstreams/anthropic.ts';
import { startVendor, type VendorWorld } from '../support/e2e-vendor.ts';
import { calls } from '../support/e2e-world.ts';
import { rejection } from '../support/rejection.ts';

const request = {
  model: 'claude-sonnet-5',
  max_tokens: 64,
  messages: [{ role: 'user' as const, content: 'What is an actor?' }],
};

function start(t: Test, route = {}): Promise<VendorWorld> {
  const audience = 'https://api.anthropic.com';
  return startVendor(t, { preset: 'anthropic', audience, scope: 'model.invoke', start: startAnthropic, route });
}

async function client(world: VendorWorld, more = {}): Promise<Anthropic> {
  const { apiKey, headers } = await world.credentials();
  return new Anthropic({ baseURL: `${world.gate}/anthropic`, apiKey, defaultHeaders: headers, maxRetries: 0, ...more });
}

test('a message, whole and streamed, is the same', async (t) => {
  const world = await start(t);
  const anthropic = await client(world);
  const whole = await anthropic.messages.create(request);
  t.match(whole.content, [{ type: 'text', text: 'Here is a short answer about: What is an actor?' }]);
  const streamed = await anthropic.messages.stream(request).finalMessage();
  t.strictSame(streamed.content, whole.content);
  t.match(streamed, { stop_reason: 'end_turn', usage: whole.usage });
  for (const { outcome, hop, headerNames } of world.vendor.received()) {
    t.equal(outcome, 'accepted');
    t.match(hop, { sub: 'user:alice', actors: ['agent:planner'] });
    t.notOk(headerNames.includes('x-api-key'), 'exactly one credential: never a second, empty or stale one');
  }
});

test('the token may stand in the slot of older SDKs, and no slot goes on', async (t) => {
  const world = await start(t);
  const { apiKey, headers } = await world.credentials();
  const post = (more: Record<string, string>) =>
    fetch(`${world.gate}/anthropic/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', ...headers, ...more },
      body: JSON.stringify(request),
    });
  t.equal((await post({ 'x-api-key': apiKey })).status, 200);
  t.equal((await post({ 'x-api-key': '', authorization: `Bearer ${apiKey}` })).status, 200, 'an empty slot is none');
  const other = await world.agent('researcher');
  t.equal(
    (await post({ 'x-api-key': apiKey, authorization: `Bearer ${other}` })).status,
    401,
    'two are not chosen from',
  );
  t.ok(world.vendor.received().every(({ headerNames }) => !headerNames.includes('x-api-key')));
  t.match(calls((await world.end()).records), [
    { stripped: ['header:postern-subject-token', 'header:x-api-key'] },
    { status: 200 },
    { reason: 'token_ambiguous' },
  ]);
});

test('a refusal has the shape of an Anthropic error', async (t) => {
  const world = await start(t, { allow: [{ id: 'haiku', when: 'request.model.startsWith("claude-haiku")' }] });
  const error = await rejection((await client(world)).messages.create(request));
  if (!(error instanceof APIError)) throw error;
  t.ok(error instanceof Anthropic.PermissionDeniedError);
  t.match(error.error, {
    type: 'error',
    error: { type: 'permission_error', code: 'access_denied', message: /Policy does not allow/ },
    request_id: /^[0-9a-f-]{36}$/,
  });
  world.issuer.setDown(true);
  const down = await rejection((await client(world)).messages.create({ ...request, model: 'claude-haiku-4-5' }));
  t.match(down, { status: 503, error: { error: { type: 'overloaded_error' } } });
});

test("the SDK's betas reach the upstream", async (t) => {
  const world = await start(t);
  const anthropic = await client(world, { defaultHeaders: (await world.credentials()).headers });
  await anthropic.beta.messages.create({ ...request, betas: ['files-api-2025-04-14'] });
  t.ok(world.vendor.received()[0]?.headerNames.includes('anthropic-beta'));
});
