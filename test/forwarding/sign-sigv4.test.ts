// Requests signed with AWS keys, as the upstream gets them: an implementation that shares nothing with the signer
// (support/exchange-vendors/aws-sigv4.ts) recomputes every signature over what really came through the connection.

import fc from 'fast-check';
import { type Test, test } from 'tap';
import { secretOfAwsKeys } from '../../src/base/aws-keys.ts';
import { Secret } from '../../src/base/secret.ts';
import { signAws } from '../../src/base/sigv4.ts';
import type { Placement } from '../../src/credential.ts';
import { awsRegion, createAwsAccount } from '../support/exchange-vendors/aws-account.ts';
import { startBedrock } from '../support/exchange-vendors/aws-bedrock.ts';
import { verifySigV4 } from '../support/exchange-vendors/aws-sigv4.ts';
import { credentialOf, startGate } from '../support/forwarding-gate.ts';

const placement: Placement = { kind: 'sigv4', service: 'bedrock', region: awsRegion };
const start = Date.UTC(2026, 10, 21, 12, 0, 0);
const nova = '/things/model/amazon.nova-lite-v1:0/converse';
const profile =
  '/things/model/arn:aws:bedrock:eu-central-1:123456789012:inference-profile%2Feu.amazon.nova-lite-v1:0/invoke';

async function world(t: Test) {
  let now = start;
  const clock = { now: () => now };
  const account = createAwsAccount();
  const endsAt = start + 3_600_000;
  const open = () =>
    account.open({ arn: 'arn', endsAt, claims: {}, tags: {}, sourceIdentity: undefined, policy: undefined });
  const bedrock = await startBedrock({ clock, account });
  t.teardown(() => bedrock.close());
  let keys = open();
  const gate = await startGate({
    origin: bedrock.url,
    clock,
    route: { upstreamBase: '', gatePath: '/things', forwardHeaders: ['x-amzn-bedrock-*'] },
    change: (call) => ({
      upstream: { ...call.upstream, path: call.target.slice('/things'.length) },
      credential: { ...credentialOf('', placement), secret: secretOfAwsKeys(keys) },
    }),
    rearm: async (call) => {
      keys = open();
      return { ...call, credential: { ...call.credential, secret: secretOfAwsKeys(keys) } };
    },
  });
  t.teardown(() => gate.close());
  const post = (path = nova, body = '{"messages":[]}', headers = {}) =>
    fetch(gate.url + path, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
  return { account, bedrock, gate, post, open, keys: () => keys, pass: (ms: number) => (now += ms) };
}

test('what goes out is signed: model ids with a colon, ARNs with an encoded slash, queries, no body', async (t) => {
  const { bedrock, gate, post, keys } = await world(t);
  t.equal((await post()).status, 200);
  t.equal((await post(profile)).status, 200);
  t.equal((await post(`${nova}?b=2&a=1&a=%20%2F&c`)).status, 200);
  t.equal((await post(nova, JSON.stringify({ text: 'ä€😀' }))).status, 200);
  t.equal((await fetch(`${gate.url}/things/async-invoke?maxResults=3`)).status, 404, 'known, and not there');
  t.strictSame(
    bedrock.calls.map(({ proof, errorType }) => [proof, errorType]),
    [...Array.from({ length: 4 }, () => ['signature', undefined]), ['signature', 'UnknownOperationException']],
  );
  const [first] = bedrock.calls;
  t.match(first?.headers, {
    'x-amz-security-token': keys().sessionToken,
    'x-amz-date': '20261121T120000Z',
    authorization: `AWS4-HMAC-SHA256 Credential=${keys().accessKeyId}/20261121/eu-central-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=`,
  });
  t.notMatch(JSON.stringify(first?.rawHeaders), keys().secretAccessKey);
});

test('headers that mean something to AWS are signed, those of the connection are not', async (t) => {
  const { bedrock, post } = await world(t);
  await post(nova, '{}', { 'X-Amzn-Bedrock-GuardrailIdentifier': 'g-1', 'user-agent': 'sdk' });
  const signed = /SignedHeaders=([^,]+)/.exec(bedrock.calls[0]?.headers.authorization ?? '')?.[1]?.split(';');
  t.ok(signed?.includes('x-amzn-bedrock-guardrailidentifier'));
  t.notOk(signed?.some((name) => ['user-agent', 'traceparent', 'accept-encoding', 'content-length'].includes(name)));
});

test('whatever is changed on the way is noticed', async (t) => {
  const { bedrock, post } = await world(t);
  const changes: Parameters<typeof bedrock.tamper>[] = [
    [(message) => ({ ...message, body: Buffer.from('{"messages":[1]}') })],
    [(message) => ({ ...message, path: message.path.replace('lite', 'pro') })],
    [(message) => ({ ...message, path: `${message.path}?x=1` })],
    [(message) => ({ ...message, method: 'PUT' })],
    [
      (message) => ({
        ...message,
        rawHeaders: message.rawHeaders.map((one) => one.replace('application/json', 'text/x')),
      }),
    ],
    [(message) => ({ ...message, rawHeaders: message.rawHeaders.map((one) => one.replace('/bedrock/', '/s3/')) })],
    [(message) => ({ ...message, rawHeaders: [...message.rawHeaders, 'x-amz-target', 'Other'] })],
  ];
  for (const [change] of changes) {
    bedrock.tamper(change);
    const answer = await post();
    t.equal(answer.status, 502);
    t.equal(bedrock.calls.at(-1)?.errorType, 'InvalidSignatureException');
  }
});

test('keys that AWS does not take are renewed once, and its words never reach the agent', async (t) => {
  const { account, bedrock, gate, post, keys, pass } = await world(t);
  await post();
  account.revoke();
  const before = keys().accessKeyId;
  t.equal((await post()).status, 200, 'sent again, with new keys');
  t.not(keys().accessKeyId, before);
  pass(3_600_001);
  t.equal((await post()).status, 502);
  t.match(gate.refusals.at(-1), { reason: 'upstream_rejected_credential' });
  t.strictSame(
    bedrock.calls.map(({ errorType }) => errorType),
    [undefined, 'UnrecognizedClientException', undefined, 'ExpiredTokenException', 'ExpiredTokenException'],
  );
  bedrock.answerWith((response) => response.writeHead(403, { 'x-amzn-errortype': 'AccessDeniedException' }).end('no'));
  t.equal(await (await post()).text(), 'no', 'what the role may not do is for the agent to see');
});

test('services that answer 400 for keys they do not take: renewed once, like elsewhere; other 400s are the agent’s', async (t) => {
  const { bedrock, gate, post, keys } = await world(t);
  await post();
  const answerOnce = (errorType: string) =>
    bedrock.answerWith((response) => {
      bedrock.answerWith();
      response.writeHead(400, { 'x-amzn-errortype': errorType }).end('not for the agent');
    });
  for (const kind of [
    'ExpiredTokenException',
    'com.amazon.coral.service#UnrecognizedClientException:http://x.example/',
  ]) {
    const before = keys().accessKeyId;
    answerOnce(kind);
    t.equal((await post()).status, 200, 'sent again, with new keys');
    t.not(keys().accessKeyId, before);
  }
  bedrock.answerWith((response) => response.writeHead(400, { 'x-amzn-errortype': 'ExpiredTokenException' }).end('no'));
  t.equal((await post()).status, 502, 'but not for ever');
  t.match(gate.refusals.at(-1), { reason: 'upstream_rejected_credential' });
  const calls = bedrock.calls.length;
  bedrock.answerWith((response) => response.writeHead(400, { 'x-amzn-errortype': 'ValidationException' }).end('wrong'));
  const answer = await post();
  t.strictSame([answer.status, await answer.text(), bedrock.calls.length], [400, 'wrong', calls + 1]);
});

test('an upstream that echoes what it was sent gives out neither the session token nor the secret key', async (t) => {
  const { bedrock, post, keys } = await world(t);
  bedrock.answerWith((response, { rawHeaders }) => {
    const secret = keys().secretAccessKey;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ rawHeaders, secret, token: encodeURIComponent(keys().sessionToken) }));
  });
  const text = await (await post()).text();
  t.match(text, /\*{40}/);
  for (const secret of [keys().sessionToken, encodeURIComponent(keys().sessionToken), keys().secretAccessKey]) {
    t.notOk(text.includes(secret));
  }
});

test('a credential that is no AWS key, or a query that cannot be read, is not sent at all', async (t) => {
  const { bedrock } = await world(t);
  for (const [secret, path, reason] of [
    ['just-a-token', nova, 'secret_unavailable'],
    ['{"accessKeyId":"ASIAXXXXXXXXXXXX","secretAccessKey":"a\\r\\nb"}', nova, 'secret_unavailable'],
    [undefined, `${nova}?a=%FF`, 'target_malformed'],
  ] as const) {
    const keys = { accessKeyId: 'ASIAXXXXXXXXXXXXXXXX', secretAccessKey: 'secretsecret' };
    const gate = await startGate({
      origin: bedrock.url,
      route: { upstreamBase: '' },
      change: (call) => ({
        upstream: { ...call.upstream, path: call.target.slice('/things'.length) },
        credential: {
          ...credentialOf('', placement),
          secret: secret === undefined ? secretOfAwsKeys(keys) : new Secret(secret),
        },
      }),
    });
    await fetch(gate.url + path);
    t.match(gate.refusals, [{ reason }]);
    await gate.close();
  }
  t.equal(bedrock.calls.length, 0);
});

test('the signer and an implementation of its own agree on any request', async (t) => {
  // Routing lets no dot segment through.
  const letters = fc.string({ unit: fc.constantFrom(..."aZ09-._~:@$,=!*()'+"), minLength: 1, maxLength: 6 });
  const segment = letters.filter((text) => !/^\.+$/.test(text));
  const escaped = fc.constantFrom('%2F', '%3A', '%20', '%C3%A4', '%25');
  const path = fc
    .array(fc.oneof(segment, escaped), { minLength: 1, maxLength: 5 })
    .map((parts) => `/${parts.join('/')}`);
  const word = fc.string({ maxLength: 5 }).filter((text) => !/[\uD800-\uDFFF]/.test(text));
  const query = fc.array(fc.tuple(word, word), { maxLength: 4 }).map((pairs) => {
    const text = pairs
      .filter(([name]) => name !== '__proto__' && name !== '')
      .map((pair) => pair.map(encodeURIComponent).join('='));
    return text.length === 0 ? '' : `?${text.join('&')}`;
  });
  const lines = fc.array(
    fc.constantFrom(['x-amz-a', 'b'], ['X-Amz-A', ' c  d '], ['accept', 'x'], ['content-type', 'a/b']),
  );
  const agree = fc.assert(
    fc.asyncProperty(path, query, lines, fc.uint8Array({ maxLength: 20 }), async (where, asks, given, bytes) => {
      const keys = { accessKeyId: 'ASIAXXXXXXXXXXXXXXXX', secretAccessKey: 's/+3cr3t', sessionToken: 'token/+=' };
      const body = Buffer.from(bytes);
      const request = {
        method: 'POST',
        origin: 'https://bedrock.example:8443',
        path: where + asks,
        headers: given.flat(),
        body,
      };
      const added = await signAws(request, keys, { service: 'bedrock', region: awsRegion, at: start });
      const rawHeaders = ['Host', 'bedrock.example:8443', ...given.flat(), ...added];
      const message = { method: 'POST', path: where + asks, rawHeaders, body };
      const signerOf = () => ({ ...keys, endsAt: start + 1 });
      const verdict = verifySigV4(message, { service: 'bedrock', region: awsRegion, now: start, signerOf });
      return verdict.failure === undefined;
    }),
    { seed: 1, numRuns: 200 },
  );
  await t.resolves(agree);
});
