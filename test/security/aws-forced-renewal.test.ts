// Attack: an agent sends what signer and AWS read differently (a query parameter the signer loses, white space it folds another
// way, bytes that are no ASCII). AWS finds the signature wrong, which looks like rejected keys: the gate would give up good ones,
// shared perhaps with others, and ask issuer and STS for new ones, again and again. Such requests are refused before they are signed; where
// one is found that is not, AWS's word on the signature renews nothing.

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

for (const [status, errorType] of [
  [403, 'InvalidSignatureException:http://internal.amazon.com/'],
  [403, 'SignatureDoesNotMatch'],
  [403, 'MissingAuthenticationTokenException'],
  [400, 'com.amazon.coral.service#InvalidSignatureException'],
] as const) {
  test(`${status} ${errorType}: the keys are kept, however old they are, and nothing is sent again`, async (t) => {
    const world = await startBedrockWorld(t);
    const { token, headers } = await world.credentials();
    const send = async () => {
      const sent = { 'content-type': 'application/json', ...headers, authorization: `Bearer ${token}` };
      const asked = { method: 'POST', headers: sent, body: '{"messages":[]}' };
      const answer = await fetch(`${world.gate}/bedrock/model/${model}/converse`, asked);
      await answer.text();
      return answer.status;
    };
    t.equal(await send(), 200);
    world.bedrock.answerWith((response) => response.writeHead(status, { 'x-amzn-errortype': errorType }).end('secret'));
    for (let round = 0; round < 2; round += 1) {
      world.clock.advance(20);
      t.equal(await send(), 502);
    }
    world.bedrock.answerWith();
    t.equal(await send(), 200, 'the keys still serve');
    t.equal(world.sts.account.sessions.size, 1);
    t.equal(world.bedrock.calls.length, 4);
    const { records } = await world.end();
    t.equal(JSON.stringify(records).split('"upstream_rejected_credential"').length - 1, 2);
  });
}
