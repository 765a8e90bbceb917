// Attack: whoever controls an issuer's host, or a tenant on it, answers discovery or JWKS with something else: another
// issuer's metadata, a redirect into the internal network, an endless or broken document, private or thousands of keys.

import { generateKeyPairSync } from 'node:crypto';
import { exportJWK } from 'jose';
import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { discoverJwksUri } from '../../src/identity/metadata.ts';
import { type Answer, discoveryPath, jwksPath, sendJson } from '../support/identity-issuer.ts';
import { identityWorld, reasonOf } from '../support/identity-world.ts';

const text =
  (status: number, body: string | Buffer, headers = {}): Answer =>
  (response) =>
    response.writeHead(status, headers).end(body);

test('a JWKS that is no JWKS', async (t) => {
  const answers: [string, Answer][] = [
    ['not JSON', text(200, '<html>')],
    ['not UTF-8', text(200, Buffer.from([0x22, 0xff, 0x22]))],
    ['an array', text(200, '[]')],
    ['no keys', text(200, '{}')],
    ['too many keys', (response) => sendJson(response, { keys: Array.from({ length: 129 }, () => ({})) })],
    ['too large', text(200, `{"keys":[],"pad":"${'x'.repeat(262_144)}"}`)],
    ['an error', text(500, '{"keys":[]}')],
    ['not there', text(404, '')],
    [
      'cut off',
      (response) => response.writeHead(200, { 'content-length': '100' }).write('{"ke', () => response.destroy()),
    ],
  ];
  for (const [story, answer] of answers) {
    const { identity, issuer } = await identityWorld(t);
    issuer.answer(jwksPath, answer);
    t.equal(await reasonOf(identity.verify(new Secret(await issuer.mint()))), 'keys_unavailable', story);
  }
});

test('redirects are not followed', async (t) => {
  for (const path of [discoveryPath, jwksPath]) {
    const { identity, issuer } = await identityWorld(t);
    issuer.answer(path, text(302, '', { location: '/elsewhere' }));
    t.equal(await reasonOf(identity.verify(new Secret(await issuer.mint()))), 'keys_unavailable');
    t.notOk(issuer.requests.includes('/elsewhere'));
  }
});

test('an issuer that never answers is given up', async (t) => {
  const allowed: number[] = [];
  const { identity, issuer } = await identityWorld(t, {
    send: (send) => (request) => {
      allowed.push(request.timeoutMs);
      return send({ ...request, timeoutMs: 50 });
    },
  });
  issuer.answer(jwksPath, (response) => response.writeHead(200).write('{'));
  t.equal(await reasonOf(identity.verify(new Secret(await issuer.mint()))), 'keys_unavailable');
  t.match(identity.status(), [{ ready: false, lastError: 'timeout' }]);
  t.strictSame(allowed, [5_000, 5_000]);
});

test('metadata must speak for the configured issuer, and name keys at an acceptable address', async (t) => {
  const documents = [
    { issuer: 'https://evil.example' },
    { issuer: undefined },
    { jwks_uri: 'http://169.254.169.254/keys' },
    { jwks_uri: 'file:///etc/passwd' },
    { jwks_uri: '/jwks' },
    { jwks_uri: 7 },
  ];
  for (const change of documents) {
    const { identity, issuer } = await identityWorld(t);
    issuer.answer(discoveryPath, (response) =>
      sendJson(response, { issuer: issuer.url, jwks_uri: issuer.jwksUrl, ...change }),
    );
    t.equal(await reasonOf(identity.verify(new Secret(await issuer.mint()))), 'keys_unavailable');
    t.strictSame(issuer.requests, [discoveryPath], 'and no other place is tried');
  }
});

test('an issuer by https names no keys without, not even on this machine', async (t) => {
  const issuer = 'https://idp.example';
  const discovered = (jwks_uri: string, insecureHttp = false) =>
    reasonOf(
      discoverJwksUri({
        issuer,
        insecureHttp,
        send: async () => ({ status: 200, headers: {}, body: Buffer.from(JSON.stringify({ issuer, jwks_uri })) }),
      }),
    );
  t.equal(await discovered('https://idp.example/keys'), 'not refused');
  t.equal(await discovered('http://127.0.0.1/keys'), 'keys_unavailable');
  t.equal(await discovered('http://127.0.0.1/keys', true), 'keys_unavailable');
});

test('published private and broken keys are not used, the others are', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const leaked = { ...(await exportJWK(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)), kid: 'leaked' };
  const broken = { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'broken' };
  const good = await issuer.publicKey();
  issuer.answer(jwksPath, (response) => sendJson(response, { keys: [leaked, broken, null, { ...good, use: 7 }] }));
  for (const kid of ['leaked', 'broken']) {
    t.equal(await reasonOf(identity.verify(new Secret(await issuer.mint({}, { kid })))), 'token_key_unknown', kid);
  }
  t.equal(await reasonOf(identity.verify(new Secret(await issuer.mint()))), 'not refused');
});

test('a key published for encryption does not verify', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const key = await issuer.publicKey();
  for (const change of [{ use: 'enc' }, { key_ops: ['deriveKey'] }, { alg: 'ECDH-ES' }]) {
    issuer.answer(jwksPath, (response) => sendJson(response, { keys: [{ ...key, ...change }] }));
    const world = await identityWorld(t, { issuer });
    t.equal(await reasonOf(world.identity.verify(new Secret(await issuer.mint()))), 'token_key_unknown');
  }
  t.equal(identity.status().length, 1);
});
