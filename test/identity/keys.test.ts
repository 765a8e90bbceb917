// Keys of an issuer: when they are fetched, how long they are used, and what happens while the issuer is away.

import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { discoveryPath, jwksPath, sendJson, startSeconds } from '../support/identity-issuer.ts';
import { identityWorld, reasonOf, type World } from '../support/identity-world.ts';

const fails = (response: { writeHead(status: number): { end(): void } }) => response.writeHead(503).end();

async function verifyFresh({ identity, issuer, clock }: World, header = {}): Promise<string> {
  const now = clock.now() / 1_000;
  const token = await issuer.mint({ iat: now, exp: now + 60, jti: String(issuer.requests.length + now) }, header);
  return reasonOf(identity.verify(new Secret(token)));
}

test('keys are discovered and fetched once, and not before they are needed', async (t) => {
  const world = await identityWorld(t);
  t.strictSame(world.issuer.requests, []);
  t.match(world.identity.status(), [{ trust: 'corp', ready: false, keysAgeSeconds: undefined }]);

  t.strictSame(await Promise.all([verifyFresh(world), verifyFresh(world)]), ['not refused', 'not refused']);
  t.strictSame(world.issuer.requests, [discoveryPath, jwksPath], 'one flight');

  world.clock.advance(599);
  t.equal(await verifyFresh(world), 'not refused');
  t.equal(world.issuer.requests.length, 2);
  t.match(world.identity.status(), [{ trust: 'corp', issuer: world.issuer.url, ready: true, keysAgeSeconds: 599 }]);
});

test('warm fetches ahead, and a second warm costs nothing', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  await identity.warm();
  await identity.warm();
  t.equal(issuer.requests.length, 2);
  t.match(identity.status(), [{ ready: true, keysAgeSeconds: 0 }]);
});

test('keys are fetched again after ten minutes', async (t) => {
  const world = await identityWorld(t);
  await verifyFresh(world);
  world.clock.advance(600);
  t.equal(await verifyFresh(world), 'not refused');
  t.strictSame(world.issuer.requests, [discoveryPath, jwksPath, jwksPath]);
});

test('a new key is found when a token names it', async (t) => {
  const world = await identityWorld(t);
  await verifyFresh(world);
  world.issuer.rotate();
  world.clock.advance(30);
  t.equal(await verifyFresh(world), 'not refused');
  t.equal(world.issuer.requests.length, 3);
});

test('while the issuer is away its keys are used for a day, no longer', async (t) => {
  const world = await identityWorld(t);
  await verifyFresh(world);
  world.issuer.answer(jwksPath, fails);

  world.clock.advance(3_600);
  t.equal(await verifyFresh(world), 'not refused');
  t.match(world.identity.status(), [{ ready: true, lastError: 'HTTP status 503' }]);
  t.equal(await verifyFresh(world), 'not refused');
  t.equal(world.issuer.requests.length, 3, 'not asked again at once');

  world.clock.advance(86_400 - 3_601);
  t.equal(await verifyFresh(world), 'not refused');
  world.clock.advance(2);
  t.equal(await verifyFresh(world), 'keys_unavailable');
  t.match(world.identity.status(), [{ ready: false }]);
});

test('an issuer that is down at start is asked again, with a pause', async (t) => {
  const world = await identityWorld(t);
  world.issuer.answer(discoveryPath, fails);
  await world.identity.warm();
  t.match(world.identity.status(), [{ ready: false, lastError: 'HTTP status 503' }]);
  t.equal(await verifyFresh(world), 'keys_unavailable');
  t.equal(world.issuer.requests.length, 1);

  world.issuer.answer(discoveryPath, (response) =>
    sendJson(response, { issuer: world.issuer.url, jwks_uri: world.issuer.jwksUrl }),
  );
  world.clock.advance(5);
  t.equal(await verifyFresh(world), 'not refused');
  t.notOk(world.identity.status()[0]?.lastError);
});

test('RFC 8414 metadata serves where there is no OpenID Connect', async (t) => {
  const world = await identityWorld(t);
  world.issuer.answer(discoveryPath, (response) => response.writeHead(404).end());
  world.issuer.answer('/.well-known/oauth-authorization-server', (response) =>
    sendJson(response, { issuer: world.issuer.url, jwks_uri: world.issuer.jwksUrl }),
  );
  t.equal(await verifyFresh(world), 'not refused');
});

test('an issuer with a path has its documents where each specification says', async (t) => {
  const world = await identityWorld(t, { trust: ({ url }) => ({ issuer: `${url}/realms/agents/` }) });
  await world.identity.warm();
  t.strictSame(world.issuer.requests, [
    '/realms/agents/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server/realms/agents',
  ]);
  t.match(world.identity.status(), [{ lastError: 'no metadata document' }]);
});

test('jwks_uri saves the discovery', async (t) => {
  const world = await identityWorld(t, { trust: ({ jwksUrl }) => ({ jwks_uri: jwksUrl }) });
  t.equal(await verifyFresh(world), 'not refused');
  t.strictSame(world.issuer.requests, [jwksPath]);
});

test('a token without kid is verified where only one key fits', async (t) => {
  const world = await identityWorld(t);
  t.equal(await verifyFresh(world, { kid: undefined }), 'not refused');

  const one = await world.issuer.publicKey();
  world.issuer.answer(jwksPath, (response) => sendJson(response, { keys: [one, { ...one, kid: 'other' }] }));
  world.clock.advance(601);
  t.equal(await verifyFresh(world, { kid: undefined }), 'token_key_unknown');
  t.equal(await verifyFresh(world), 'not refused');
  t.ok(startSeconds > 0);
});
