// What an exchange costs, seen from both ends: what the issuer was asked for, and what the upstream received.

import { test } from 'tap';
import { answering } from '../support/e2e-issuer.ts';
import { tokens } from '../support/e2e-tokens.ts';
import { apiRoute, calls, startE2e, told } from '../support/e2e-world.ts';
import { clockAt, start } from '../support/sts-issuer.ts';

function cacheResults(records: Parameters<typeof calls>[0]): unknown[] {
  return calls(records).map(({ cache, reason }) => cache ?? reason);
}

test('the second call of the same parties comes from the cache', async (t) => {
  const world = await startE2e(t);
  const same = await tokens(world);
  await world.call('/api', same);
  await world.call('/api', same);
  t.equal(world.issuer.asked.length, 1);
  const [first, second] = world.upstream.received;
  t.equal(first?.token, second?.token);
  t.strictSame(cacheResults((await world.end()).records), ['miss', 'hit']);
});

test('another user, another agent, another route, another scope: each its own token', async (t) => {
  const world = await startE2e(t, {
    config: (places) => ({
      routes: [
        apiRoute(places),
        apiRoute(places, { name: 'writes', path: '/writes', scopes: ['write'] }),
        apiRoute(places, { name: 'models', path: '/models', audience: 'https://api.openai.com', scopes: [] }),
      ],
    }),
  });
  const same = await tokens(world);
  await world.call('/api', same);
  await world.call('/writes', same);
  await world.call('/models', same);
  await world.call('/api', { ...same, user: await world.user('bob') });
  await world.call('/api', {
    agent: await world.agent('researcher'),
    user: await world.user('alice', 'agent:researcher'),
  });
  t.equal(world.issuer.asked.length, 5);
  const issued = world.upstream.received.map(({ token, claims }) => [
    token,
    claims['sub'],
    claims['aud'],
    claims['scope'],
  ]);
  t.equal(new Set(issued.map(([token]) => token)).size, 5);
  t.match(issued, [
    [String, 'user:alice', 'api', 'read'],
    [String, 'user:alice', 'api', 'write'],
    [String, 'user:alice', 'https://api.openai.com'],
    [String, 'user:bob', 'api', 'read'],
    [String, 'user:alice', 'api', 'read'],
  ]);
});

test('fifty calls at once are one exchange', async (t) => {
  const world = await startE2e(t);
  const same = await tokens(world);
  const answers = await Promise.all(Array.from({ length: 50 }, () => world.call('/api', same)));
  t.ok(answers.every(({ status }) => status === 200));
  await Promise.all(answers.map((answer) => answer.text()));
  t.equal(world.issuer.asked.length, 1);
  t.equal(world.upstream.received.length, 50);
  t.equal(new Set(world.upstream.received.map(({ token }) => token)).size, 1);
});

test('one of them leaving harms no other', async (t) => {
  const world = await startE2e(t);
  const same = await tokens(world);
  const held = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const token = await world.issuer.mint({
    sub: 'user:alice',
    audience: 'api',
    scope: 'read',
    act: { sub: 'agent:planner', iss: world.issuer.issuer },
  });
  world.issuer.answerWith((response, one) => {
    asked.resolve();
    held.promise.then(() =>
      answering(200, { access_token: token, token_type: 'Bearer', expires_in: 300 })(response, one),
    );
  });
  const leaving = new AbortController();
  const first = world.call('/api', { ...same, signal: leaving.signal });
  await asked.promise;
  const second = world.call('/api', same);
  leaving.abort();
  await t.rejects(first, { name: 'AbortError' });
  held.resolve();
  t.equal((await second).status, 200);
  t.equal(world.issuer.asked.length, 1);
});

test('an upstream that rejects the token: it is forgotten, asked for once more, and the call is sent again', async (t) => {
  const clock = clockAt(start);
  const world = await startE2e(t, { clock });
  const same = await tokens(world);
  await world.call('/api', same);
  const [{ token: revoked } = { token: undefined }] = world.upstream.received;
  clock.advance(10);
  world.upstream.answerWith((response, { token }) => {
    response.writeHead(token === revoked ? 401 : 200, { 'www-authenticate': 'Bearer error="invalid_token"' });
    response.end('{"ok":true}');
  });
  const answer = await world.call('/api', { ...same, method: 'PUT', body: '{"a":1}', headers: json });
  t.equal(answer.status, 200);
  t.equal(answer.headers.get('www-authenticate'), null);
  t.equal(world.issuer.asked.length, 2);
  const sent = world.upstream.received.slice(1);
  t.strictSame(
    sent.map(({ token, body }) => [token === revoked, body.toString()]),
    [
      [true, '{"a":1}'],
      [false, '{"a":1}'],
    ],
    'the body was sent again, whole',
  );
  t.equal((await world.call('/api', same)).status, 200);
  t.equal(world.issuer.asked.length, 2, 'the new one is what is cached');
});

test('an upstream that rejects the new token too: told as what it is, and not tried for ever', async (t) => {
  const clock = clockAt(start);
  const world = await startE2e(t, { clock });
  world.upstream.answerWith((response) => {
    clock.advance(10);
    response.writeHead(401).end();
  });
  const answer = await world.call('/api');
  t.strictSame(told(answer), [502, 'upstream_refused_credential']);
  t.equal(answer.headers.get('x-should-retry'), 'false');
  t.equal(world.upstream.received.length, 2);
  t.equal(world.issuer.asked.length, 2);
});

test('an upstream that answers 401 to everything: no call but the first asks the issuer', async (t) => {
  const world = await startE2e(t);
  const same = await tokens(world);
  world.upstream.answerWith((response) => response.writeHead(401).end());
  for (let n = 0; n < 5; n += 1) {
    t.strictSame(told(await world.call('/api', same)), [502, 'upstream_refused_credential']);
  }
  t.equal(world.upstream.received.length, 5, 'and none is sent twice');
  t.equal(world.issuer.asked.length, 1);
});

test('a credential does not outlive the token of its subject', async (t) => {
  const clock = clockAt(start);
  const world = await startE2e(t, { clock });
  const same = await tokens(world, 60);
  await world.call('/api', same);
  clock.advance(100);
  t.strictSame(told(await world.call('/api', same)), [401, 'credential_expired']);
  t.equal(world.upstream.received.length, 1);
});

test('a credential near its end is renewed ahead, by a call that does not wait for it', async (t) => {
  const clock = clockAt(start);
  const world = await startE2e(t, { clock });
  const same = await tokens(world, 3_000);
  await world.call('/api', same);
  clock.advance(250);
  const renewed = Promise.withResolvers<void>();
  world.issuer.answerWith((response, one) => {
    renewed.resolve();
    answering(503, {})(response, one);
  });
  t.equal((await world.call('/api', same)).status, 200);
  await renewed.promise;
  t.equal((await world.call('/api', same)).status, 200, 'a renewal that fails takes nothing away');
  t.strictSame(cacheResults((await world.end()).records), ['miss', 'hit', 'hit']);
});

test('a route with a standing key says so everywhere, and no token goes with it', async (t) => {
  const world = await startE2e(t, {
    config: (places) => ({
      exchanges: { key: { grant: 'static_secret', value: 'standing-key-of-the-route' } },
      routes: [apiRoute(places, { exchange: 'key', audience: undefined, scopes: undefined })],
    }),
  });
  t.equal((await world.call('/api')).status, 200);
  t.equal(world.upstream.received[0]?.headers.authorization, 'Bearer standing-key-of-the-route');
  t.equal(world.issuer.asked.length, 0);
  t.match(calls((await world.end()).records), [{ cache: 'bypass', credential: { kind: 'static' } }]);
});

test('a route with exchange none sends no credential at all, never the one presented', async (t) => {
  const world = await startE2e(t, {
    config: (places) => ({ routes: [apiRoute(places, { exchange: 'none', audience: undefined, scopes: undefined })] }),
  });
  t.equal((await world.call('/api')).status, 200);
  t.equal(world.upstream.received[0]?.headers.authorization, undefined);
  t.match(calls((await world.end()).records), [{ credential: { kind: 'none' } }]);
});

const json = { 'content-type': 'application/json' };
