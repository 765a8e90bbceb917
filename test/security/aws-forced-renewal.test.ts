// Attack: an agent sends what signer and AWS read differently (a query parameter the signer loses, white space it folds another
// way, bytes that are no ASCII). AWS finds the signature wrong, which looks like rejected keys: the gate would give up good ones,
// shared perhaps with others, and ask issuer and STS for new ones, again and again. Such requests are refused before they are signed.

import { request } from 'node:http';
import { test } from 'tap';
import { model, startBedrockWorld } from '../support/vendors-bedrock.ts';

type Sent = readonly [query: string, headers: Record<string, string>];

const odd: readonly Sent[] = [
  ['?__proto__=1', {}],
  ['?a=1&%5F_proto__=2', {}],
  ['', { 'x-amzn-bedrock-trace': 'a\tb' }],
  ['', { 'x-amzn-bedrock-trace': 'ä' }],
  ['', { 'content-type': 'application/json; x="ä"' }],
];

test('requests that cannot be signed without doubt are not sent, and cost no credential', async (t) => {
  const world = await startBedrockWorld(t);
  const { token, headers } = await world.credentials();
  const send = ([query, more]: Sent) =>
    new Promise<number | undefined>((resolve, reject) => {
      const url = `${world.gate}/bedrock/model/${model}/converse${query}`;
      const sent = { 'content-type': 'application/json', ...headers, authorization: `Bearer ${token}`, ...more };
      const asked = request(url, { method: 'POST', headers: sent }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on('error', reject).end('{"messages":[]}');
    });
  t.equal(await send(['?a=1', { 'x-amzn-bedrock-trace': 'a  b' }]), 200);
  for (const one of odd) {
    world.clock.advance(20);
    t.equal(await send(one), 400, JSON.stringify(one));
  }
  t.equal(world.bedrock.calls.length, 1);
  t.equal(world.sts.account.sessions.size, 1);
});
