// OpenAI's client at vendors who speak OpenAI's API: the same story for each, told of its preset's base URL.

import OpenAI, { AuthenticationError, InternalServerError, PermissionDeniedError, RateLimitError } from 'openai';
import { type Test, test } from 'tap';
import { presets } from './routing-world.ts';
import { openaiAnswer, said } from './vendors-answers.ts';
import type { Arming } from './vendors-arms.ts';
import { expectAttributed, startVendorGate, type VendorGate } from './vendors-gate.ts';
import { tellRefusals } from './vendors-refusals.ts';

export interface CompatibleVendor {
  readonly preset: string;
  readonly arm: Arming;
  /** What this client wants after the base URL of the vendor's own one. */
  readonly after?: string;
  /** Where the vendor expects what is asked. */
  readonly path: string;
  readonly requestId?: string;
}

const model = 'maker/small';
const messages = [{ role: 'user' as const, content: 'What is worth stealing here?' }];

/** One story of each: calls that are made, calls that are refused, and what the records say of the first. */
export function tellCompatible(vendors: readonly CompatibleVendor[]): void {
  for (const vendor of vendors) {
    test(`${vendor.preset}: chat, whole and streamed, and refusals as errors of the SDK`, async (t) => {
      const { preset, arm, requestId } = vendor;
      const route = { allow: [{ id: 'small', when: `request.model == "${model}"` }] };
      const named = requestId === undefined ? {} : { requestId };
      const gate = await startVendorGate(t, { preset, arm, route, answer: openaiAnswer, ...named });
      await tellCalls(t, gate, vendor);
      await tellRefused(t, gate, vendor);
      const record = { preset, operation: 'chat', model };
      await expectAttributed(t, gate, [record, record]);
    });
  }
}

function connect(gate: VendorGate, { preset: id, after = '' }: CompatibleVendor, apiKey: string, headers = {}): OpenAI {
  const preset = presets.get(id);
  if (preset === undefined) throw new TypeError(`no preset ${id}`);
  const baseURL = `${preset.client.base_url.replace('{gate}', gate.gate).replace('{path}', preset.path)}${after}`;
  return new OpenAI({ baseURL, apiKey, defaultHeaders: headers, maxRetries: 0 });
}

async function tellCalls(t: Test, gate: VendorGate, vendor: CompatibleVendor): Promise<void> {
  const { apiKey, headers } = await gate.credentials();
  const client = connect(gate, vendor, apiKey, headers);
  const whole = await client.chat.completions.create({ model, messages });
  t.equal(whole.choices[0]?.message.content, said);
  let streamed = '';
  for await (const { choices } of await client.chat.completions.create({ model, messages, stream: true })) {
    streamed += choices[0]?.delta.content ?? '';
  }
  t.equal(streamed, said);
  t.ok(gate.upstream.received.every(({ url }) => url === vendor.path));
}

const kinds = new Map([
  [401, AuthenticationError],
  [403, PermissionDeniedError],
  [429, RateLimitError],
  [503, InternalServerError],
]);

async function tellRefused(t: Test, gate: VendorGate, vendor: CompatibleVendor): Promise<void> {
  const ask = (asked: string) => (apiKey: string, headers: Record<string, string>) =>
    connect(gate, vendor, apiKey, headers).chat.completions.create({ model: asked, messages });
  await tellRefusals(t, gate, {
    ask: ask(model),
    askDenied: ask('maker/large'),
    tooMany: { error: { message: 'Slow down', type: 'rate_limit_error', param: null, code: null } },
    expect: (status) => [kinds.get(status) ?? Error, { status }],
  });
}
