// Vendors whose own SDK is not among the tests' parts: what their preset gives as examples goes over the wire as plain HTTP, with the
// agent's token where the preset says an SDK puts it, and arrives with the standing key in the vendor's slot and nowhere else.

import { test } from 'tap';
import { sendJson } from '../../demo/upstreams/serve.ts';
import type { Preset } from '../../src/routing/preset-schema.ts';
import { presets } from '../support/routing-world.ts';
import { exchanged, standing } from '../support/vendors-arms.ts';
import { expectAttributed, startVendorGate } from '../support/vendors-gate.ts';

/** Header in which each vendor's client sends its key, and how the vendor wants it; the same as in its preset. */
const vendors = new Map<string, readonly [slot: string, prefix: string, requestId?: string]>([
  ['chroma', ['x-chroma-token', '']],
  ['elasticsearch', ['authorization', 'ApiKey ']],
  ['exa', ['x-api-key', '']],
  ['milvus', ['authorization', 'Bearer ']],
  ['opensearch', ['authorization', 'Bearer ']],
  ['slack', ['authorization', 'Bearer ', 'x-slack-req-id']],
  ['tavily', ['authorization', 'Bearer ']],
  ['turbopuffer', ['authorization', 'Bearer ']],
  ['weaviate', ['authorization', 'Bearer ']],
]);

/** The first requests of a preset that are routed. */
function examplesOf(name: string): readonly Preset['examples'][number][] {
  const all = presets.get(name)?.examples ?? [];
  return all.filter(({ expect, request }) => !('refused' in expect) && request.upgrade !== true).slice(0, 2);
}

async function ask(gate: string, { request }: Preset['examples'][number], headers: Record<string, string>) {
  const { method = 'GET', path, body } = request;
  const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
  const answer = await fetch(`${gate}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...request.headers, ...headers },
    ...(text === undefined ? {} : { body: text }),
  });
  return { status: answer.status, told: answer.headers.get('postern-error'), text: await answer.text() };
}

for (const [preset, [slot, prefix, requestId = 'x-request-id']] of vendors) {
  test(`${preset}: by a standing key`, async (t) => {
    const gate = await startVendorGate(t, {
      preset,
      arm: standing(slot, prefix),
      answer: (response) => sendJson(response, 200, { ok: true }),
      requestId,
    });
    const { apiKey, headers } = await gate.credentials();
    const mine = { ...headers, [slot]: `${prefix}${apiKey}` };
    const examples = examplesOf(preset);
    t.ok(examples.length > 0);
    for (const example of examples) t.equal((await ask(gate.gate, example, mine)).status, 200, example.title);
    const [first] = examples;
    if (first !== undefined) {
      const stranger = await ask(gate.gate, first, { ...mine, [slot]: `${prefix}an-old-key-of-the-vendor` });
      t.match(stranger, { status: 401, told: 'credential_invalid' });
    }
    await expectAttributed(
      t,
      gate,
      examples.map(({ expect }) => ({ preset, ...('operation' in expect ? { operation: expect.operation } : {}) })),
    );
  });
}

for (const preset of ['http', 'weaviate', 'opensearch']) {
  test(`${preset}: by the exchanged token, where the server validates JWTs`, async (t) => {
    const gate = await startVendorGate(t, {
      preset,
      arm: exchanged('api', ['read']),
      answer: (response) => sendJson(response, 200, { ok: true }),
    });
    const { apiKey, headers } = await gate.credentials();
    const [example] = examplesOf(preset);
    if (example === undefined) throw new TypeError('no example');
    const answered = await ask(gate.gate, example, { ...headers, authorization: `Bearer ${apiKey}` });
    t.match(answered, { status: 200, text: '{"ok":true}' });
    await expectAttributed(t, gate, [{ preset }]);
  });
}
