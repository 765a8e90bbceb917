// Attack: the token chooses how it is verified. `alg: none` asks for no signature; HS256 signed with the issuer's *public* key
// turns a key everybody knows into the secret (CVE-2015-9235); a stripped or copied signature hopes nobody looks.

import { createHmac } from 'node:crypto';
import { importJWK } from 'jose';
import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { base64url, jwksPath, sendJson, startSeconds, type TestIssuer } from '../support/identity-issuer.ts';
import { identityWorld, reasonOf } from '../support/identity-world.ts';

function claims(issuer: TestIssuer): string {
  const times = { iat: startSeconds, exp: startSeconds + 300 };
  return JSON.stringify({ iss: issuer.url, sub: 'admin', aud: ['postern'], ...times });
}

test('alg none, in any spelling, with and without a signature', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  for (const alg of ['none', 'None', 'NONE', 'nOnE', '']) {
    const input = `${base64url(JSON.stringify({ alg, typ: 'JWT' }))}.${base64url(claims(issuer))}`;
    t.equal(await reasonOf(identity.verify(new Secret(`${input}.`))), 'token_algorithm_refused', alg);
    t.equal(await reasonOf(identity.verify(new Secret(`${input}.AAAA`))), 'token_algorithm_refused', alg);
  }
});

test('HS256 with the public key as the secret', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const jwk = await issuer.publicKey();
  const secrets = [JSON.stringify(jwk), String(jwk.x), Buffer.from(String(jwk.x), 'base64url')];
  for (const alg of ['HS256', 'HS384', 'HS512']) {
    for (const secret of secrets) {
      const input = `${base64url(JSON.stringify({ alg, typ: 'JWT', kid: jwk.kid }))}.${base64url(claims(issuer))}`;
      const mac = createHmac(`sha${alg.slice(2)}`, secret)
        .update(input)
        .digest('base64url');
      t.equal(await reasonOf(identity.verify(new Secret(`${input}.${mac}`))), 'token_algorithm_refused', alg);
    }
  }
});

test('a symmetric key in the JWKS is not believed', async (t) => {
  const { identity, issuer, logged } = await identityWorld(t);
  const secret = { kty: 'oct', k: base64url('secret'), kid: 'shared' };
  issuer.answer(jwksPath, (response) => sendJson(response, { keys: [secret] }));
  t.equal(await reasonOf(identity.verify(new Secret(await issuer.mint({}, { kid: 'shared' })))), 'token_key_unknown');
  t.match(logged, [{ level: 'warn', facts: { refused: 1 } }]);
});

test("another algorithm with the right key's id", async (t) => {
  const { identity, issuer } = await identityWorld(t);
  for (const alg of ['RS256', 'PS256', 'ES384', 'EdDSA']) {
    const reason = await reasonOf(identity.verify(new Secret(await issuer.mint({}, { alg }))));
    t.equal(reason, 'token_key_unknown', 'a key fits its own algorithm only');
  }
});

test('an algorithm the entry does not accept is refused before any key is asked for', async (t) => {
  const { identity, issuer } = await identityWorld(t, { trust: () => ({ algorithms: ['RS256'] }) });
  t.equal(await reasonOf(identity.verify(new Secret(await issuer.mint()))), 'token_algorithm_refused');
  t.strictSame(issuer.requests, []);
});

test('a signature that is missing, cut, of another token, or over changed claims', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const [header = '', payload = '', signature = ''] = (await issuer.mint()).split('.');
  const [, , foreign = ''] = (await issuer.mint({ sub: 'bob' })).split('.');
  const stories: [string, string][] = [
    [`${header}.${payload}.`, 'token_signature_invalid'],
    [`${header}.${payload}.${signature.slice(0, -4)}`, 'token_signature_invalid'],
    [`${header}.${payload}.${foreign}`, 'token_signature_invalid'],
    [`${header}.${base64url(claims(issuer))}.${signature}`, 'token_signature_invalid'],
    [`${header}.${payload}`, 'token_malformed'],
    [`${header}.${payload}.${signature}.`, 'token_malformed'],
    [`${header}.${payload}.${signature}=`, 'token_malformed'],
    [` ${header}.${payload}.${signature}`, 'token_malformed'],
    ['..', 'token_malformed'],
  ];
  for (const [token, reason] of stories) t.equal(await reasonOf(identity.verify(new Secret(token))), reason);
});

test('a token that failed is refused again without being checked again, for ten seconds', async (t) => {
  const { identity, issuer, clock } = await identityWorld(t);
  const token = new Secret(await issuer.mint({ exp: startSeconds - 31, iat: startSeconds - 90 }));
  t.equal(await reasonOf(identity.verify(token)), 'token_expired');
  clock.advance(-5);
  t.equal(await reasonOf(identity.verify(token)), 'token_expired', 'remembered: a check would accept it at this time');

  const broken = new Secret(`${(await issuer.mint()).slice(0, -4)}AAAA`);
  t.equal(await reasonOf(identity.verify(broken)), 'token_signature_invalid');
  issuer.rotate();
  clock.advance(606);
  t.equal(await reasonOf(identity.verify(broken)), 'token_key_unknown', 'forgotten: checked against the new keys');
});

test('an RSA key below 2048 bits is not believed', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const weak = { kty: 'RSA', kid: 'weak', e: 'AQAB', n: Buffer.alloc(128, 0xff).toString('base64url') };
  const padded = { ...weak, n: Buffer.concat([Buffer.alloc(200), Buffer.alloc(128, 0xff)]).toString('base64url') };
  const vast = { ...weak, n: Buffer.alloc(2_048, 0xff).toString('base64url') };
  for (const key of [weak, padded, vast]) {
    issuer.answer(jwksPath, (response) => sendJson(response, { keys: [key] }));
    const other = await identityWorld(t, { issuer });
    const token = await issuer.mint({}, { alg: 'RS256', kid: 'weak' });
    t.equal(await reasonOf(other.identity.verify(new Secret(token))), 'token_key_unknown');
  }
  t.ok(await importJWK(await issuer.publicKey(), 'ES256'));
  t.same(identity.status().length, 1);
});
