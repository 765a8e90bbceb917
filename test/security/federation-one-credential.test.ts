// Attack, and a common mistake: a call that reaches Anthropic with two credentials (the agent's x-api-key beside the gate's
// Bearer, litellm#22607, Portkey#1599), or without the beta a federated token needs because the agent's own betas replaced it.
// Through the whole gate: the user's chain goes into a token of the organisation's issuer, that is federated, and upstream sees
// exactly one credential and every beta once.

import Anthropic from '@anthropic-ai/sdk';
import { type Test, test } from 'tap';
import { apiRoute, type Document, onlyCall, standardConfig, startE2e, told } from '../support/e2e-world.ts';
import { type AnthropicVendor, anthropicIds, startAnthropicVendor } from '../support/exchange-vendors/anthropic.ts';
import { clockAt, start } from '../support/sts-issuer.ts';

const audience = 'https://api.anthropic.com';
const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude', content: [], usage: {} };

async function startGate(t: Test, route: Document = {}) {
  const clock = clockAt(start);
  let vendor: AnthropicVendor | undefined;
  const world = await startE2e(t, {
    clock,
    async config(places) {
      const { issuer } = places;
      const trust = { issuer: issuer.issuer, jwksUri: issuer.jwksUri, audience };
      vendor = await startAnthropicVendor({ clock, trust });
      const { exchanges } = standardConfig(places);
      const {
        path: _path,
        name: _name,
        audience: _audience,
        ...common
      } = apiRoute(places, { scopes: ['model.invoke'] });
      return {
        exchanges: {
          ...Object(exchanges),
          vendor: { grant: 'anthropic', base_url: vendor.url, ...anthropicIds },
          claude: { grant: 'chain', steps: [{ exchange: 'corp', audience }, { exchange: 'vendor' }] },
        },
        routes: [{ ...common, preset: 'anthropic', exchange: 'claude', ...route }],
      };
    },
  });
  if (vendor === undefined) throw new TypeError('the vendor was not started');
  const { close } = vendor;
  t.teardown(() => close());
  world.upstream.answerWith((response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(message));
  });
  return { ...world, vendor };
}

const request = { model: 'claude-sonnet-5', max_tokens: 8, messages: [{ role: 'user' as const, content: 'hello' }] };

test('the SDK’s call: one bearer of the vendor’s, the SDK’s betas and the one that federation needs', async (t) => {
  const world = await startGate(t);
  const { gate, vendor, upstream } = world;
  const defaultHeaders = { 'Postern-Subject-Token': await world.user() };
  const anthropic = new Anthropic({ baseURL: `${gate}/anthropic`, apiKey: await world.agent(), defaultHeaders });

  await anthropic.beta.messages.create({ ...request, betas: ['files-api-2025-04-14'] });

  const [call] = upstream.received;
  t.match(vendor.tokens.of(call?.headers.authorization)?.claims, { sub: 'user:alice', act: { sub: 'agent:planner' } });
  const names = (call?.rawHeaders ?? []).filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  t.equal(names.filter((name) => name === 'authorization').length, 1);
  t.notOk(names.includes('x-api-key'));
  t.equal(names.filter((name) => name === 'anthropic-beta').length, 1);
  t.equal(call?.headers['anthropic-beta'], 'files-api-2025-04-14,oauth-2025-04-20');
  const { records, spans } = await world.end();
  t.match(onlyCall(records), {
    credential: { exchange: 'vendor', grant: 'anthropic' },
    actors: [{ sub: 'agent:planner' }],
  });
  t.equal(spans.filter(({ name }) => name === 'token_exchange').length, 2, 'each leg has its own span');
});

test('an agent that sends the older slot, an empty one, or the beta itself changes nothing', async (t) => {
  const world = await startGate(t);
  const { upstream, vendor } = world;
  const post = async (headers: Record<string, string>) =>
    world.call('/anthropic/v1/messages', {
      method: 'POST',
      agent: null,
      headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', ...headers },
      body: JSON.stringify(request),
    });
  const token = await world.agent();
  t.strictSame(told(await post({ 'x-api-key': token })), [200, null]);
  t.strictSame(told(await post({ 'x-api-key': '', authorization: `Bearer ${token}` })), [200, null]);
  t.strictSame(told(await post({ 'x-api-key': token, 'anthropic-beta': 'oauth-2025-04-20, a' })), [200, null]);
  t.strictSame(told(await post({ 'x-api-key': token, 'anthropic-beta': '' })), [200, null]);
  t.strictSame(
    upstream.received.map(({ headers }) => headers['anthropic-beta']),
    ['oauth-2025-04-20', 'oauth-2025-04-20', 'oauth-2025-04-20,a', 'oauth-2025-04-20'],
  );
  t.ok(upstream.received.every(({ headers }) => headers['x-api-key'] === undefined));
  t.ok(upstream.received.every(({ headers }) => vendor.tokens.of(headers.authorization) !== undefined));
});

test('a route that sets the betas of its calls keeps the one that federation needs', async (t) => {
  const world = await startGate(t, { headers: { set: { 'anthropic-beta': 'context-1m-2025-08-07' } } });
  const init = { method: 'POST', headers: { 'content-type': 'application/json', 'anthropic-beta': 'sneaky' } };
  await world.call('/anthropic/v1/messages', { ...init, body: JSON.stringify(request) });
  const [call] = world.upstream.received;
  t.equal(call?.headers['anthropic-beta'], 'context-1m-2025-08-07,oauth-2025-04-20');
});
