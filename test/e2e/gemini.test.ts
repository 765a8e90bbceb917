// The Google Gen AI SDK through the gate: content whole and streamed, the credential in its own header, never in the query.

import { ApiError, GoogleGenAI } from '@google/genai';
import { type Test, test } from 'tap';
import { startGemini } from '../support/e2e-gemini.ts';
import { startVendor, type VendorWorld } from '../support/e2e-vendor.ts';
import { calls } from '../support/e2e-world.ts';
import { rejection } from '../support/rejection.ts';

const model = 'gemini-2.5-flash';
const contents = 'What is a scope?';

function start(t: Test, route = {}): Promise<VendorWorld> {
  return startVendor(t, { preset: 'gemini', audience: 'gemini', scope: 'model.invoke', start: startGemini, route });
}

async function client(world: VendorWorld, apiKey?: string): Promise<GoogleGenAI> {
  const { apiKey: own, headers } = await world.credentials();
  return new GoogleGenAI({ apiKey: apiKey ?? own, httpOptions: { baseUrl: `${world.gate}/gemini`, headers } });
}

test('content, whole and streamed, is the same', async (t) => {
  const world = await start(t);
  const gemini = await client(world);
  const whole = await gemini.models.generateContent({ model, contents });
  t.equal(whole.text, 'Here is a short answer about: What is a scope?');
  let streamed = '';
  for await (const chunk of await gemini.models.generateContentStream({ model, contents }))
    streamed += chunk.text ?? '';
  t.equal(streamed, whole.text);

  for (const { outcome, hop, headerNames } of world.vendor.received()) {
    t.equal(outcome, 'accepted');
    t.match(hop, { sub: 'user:alice', audiences: ['gemini'], actors: ['agent:planner'] });
    t.notOk(headerNames.includes('authorization'), 'in its own header only');
  }
  const { records, spans } = await world.end();
  t.match(calls(records), [
    { operation: 'generate_content', model, stripped: ['header:postern-subject-token', 'header:x-goog-api-key'] },
    { operation: 'generate_content', model, cache: 'hit' },
  ]);
  const attempts = spans.filter(({ name }) => name === `generate_content ${model}`);
  t.equal(attempts.length, 2);
  for (const { attributes } of attempts) {
    t.match(attributes, {
      'gen_ai.provider.name': 'gcp.gemini',
      'gen_ai.usage.input_tokens': Number,
      'gen_ai.usage.output_tokens': Number,
      'gen_ai.response.finish_reasons': ['STOP'],
    });
  }
});

test('a key in the query is taken out and taken for the token it is', async (t) => {
  const world = await start(t);
  const { apiKey, headers } = await world.credentials();
  const answer = await fetch(`${world.gate}/gemini/v1beta/models/${model}:generateContent?key=${apiKey}&alt=json`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ contents: [{ parts: [{ text: 'hello' }] }] }),
  });
  t.equal(answer.status, 200);
  const { records } = await world.end();
  t.match(calls(records)[0]?.['stripped'], ['header:postern-subject-token', 'query:key']);
});

test('a refusal is an ApiError with the status Google would give', async (t) => {
  const world = await start(t, { allow: [{ id: 'none', when: 'false' }] });
  const error = await rejection((await client(world)).models.generateContent({ model, contents }));
  t.ok(error instanceof ApiError);
  t.match(error, { status: 403, message: /PERMISSION_DENIED/ });
  const invalid = await rejection(
    (await client(world, 'AIza-standing-key')).models.generateContent({ model, contents }),
  );
  t.match(invalid, { status: 401, message: /UNAUTHENTICATED/ });
});
