// Whose call was it? A vendor that asks has one id of its own, and a token or a key that names nobody. The audit log has that id beside
// the user and the agent, also where two users and two agents come at once with one and the same key.

import OpenAI from 'openai';
import { test } from 'tap';
import { calls } from '../support/e2e-world.ts';
import { openai as federation } from '../support/exchange-federation.ts';
import { openaiAnswer } from '../support/vendors-answers.ts';
import { federated, standing } from '../support/vendors-arms.ts';
import { namesOf, startVendorGate } from '../support/vendors-gate.ts';

const parties = [
  ['alice', 'planner'],
  ['bob', 'planner'],
  ['alice', 'researcher'],
  ['bob', 'researcher'],
] as const;
const request = { model: 'gpt-5-mini', messages: [{ role: 'user' as const, content: 'hello' }] };

for (const [how, arm] of Object.entries({
  'a federated token': federated(federation, ({ tokens }) => tokens),
  'one standing key for all': standing(),
})) {
  test(`by ${how}: the vendor's id of a request leads to its user and its agent`, async (t) => {
    const gate = await startVendorGate(t, { preset: 'openai', arm, answer: openaiAnswer, requestId: 'x-request-id' });
    const byOurId = new Map<string, string>();
    const ask = async ([user, agent]: (typeof parties)[number]) => {
      const { apiKey, headers } = await gate.credentials(user, agent);
      const client = new OpenAI({ baseURL: `${gate.gate}/openai/v1`, apiKey, defaultHeaders: headers, maxRetries: 0 });
      const { request_id } = await client.chat.completions.create(request).withResponse();
      byOurId.set(request_id ?? '', `user:${user} by agent:${agent}`);
    };
    await Promise.all(parties.map(ask));
    const { received } = gate.upstream;
    const { kind } = gate.arm;
    const tokens = new Set(received.map(({ token }) => token));
    t.equal(tokens.size, kind === 'static' ? 1 : parties.length);

    const records = calls((await gate.end()).records);
    t.equal(records.length, parties.length);
    for (const [index, { headers }] of received.entries()) {
      const record = records.find(({ upstream }) => JSON.stringify(upstream).includes(`"vendor-${index + 1}"`));
      const known = byOurId.get(String(record?.['request_id']));
      const [user = '', agent = ''] = known?.split(' by ') ?? [];
      t.match(record, { subject: { sub: user }, actors: [{ sub: agent }], credential: { kind } });
      if (kind === 'exchanged') t.equal(namesOf((await gate.arm.genuine(headers))?.claims), known);
    }
    t.strictSame(gate.faults, []);
  });
}
