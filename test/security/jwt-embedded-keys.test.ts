// Attack: the token brings its own key (`jwk`, `x5c`), or says where to fetch it (`jku`, `x5u`), or names it by something a
// careless verifier opens: a path, a URL, a query (CVE-2018-0114 and its kin). Only configured issuers' keys count.

import { generateKeyPairSync, sign } from 'node:crypto';
import { exportJWK } from 'jose';
import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { base64url, discoveryPath, jwksPath, startSeconds } from '../support/identity-issuer.ts';
import { identityWorld, reasonOf } from '../support/identity-world.ts';

const attacker = generateKeyPairSync('ec', { namedCurve: 'P-256' });

function forge(header: object, issuer: string): Secret {
  const claims = { iss: issuer, sub: 'admin', aud: ['postern'], iat: startSeconds, exp: startSeconds + 300 };
  const input = `${base64url(JSON.stringify({ alg: 'ES256', typ: 'JWT', ...header }))}.${base64url(JSON.stringify(claims))}`;
  const signature = sign('sha256', Buffer.from(input), { key: attacker.privateKey, dsaEncoding: 'ieee-p1363' });
  return new Secret(`${input}.${signature.toString('base64url')}`);
}

test('keys and addresses of keys in the header are refused, and nothing is fetched', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const jwk = await exportJWK(attacker.publicKey);
  const headers = [
    { jwk },
    { jku: `${issuer.url}/attacker.json` },
    { x5u: `${issuer.url}/attacker.pem` },
    { crit: ['exp'], exp: 1 },
    { crit: ['b64'], b64: false },
    { b64: true },
    { zip: 'DEF' },
  ];
  for (const header of headers) {
    t.equal(await reasonOf(identity.verify(forge(header, issuer.url))), 'token_malformed', Object.keys(header).join());
  }
  t.strictSame(issuer.requests, []);
});

test('a certificate chain in the header proves nothing', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const { kid } = await issuer.publicKey();
  t.equal(await reasonOf(identity.verify(forge({ kid, x5c: ['MIIB'] }, issuer.url))), 'token_signature_invalid');
});

test('a kid is compared and never opened', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  await identity.warm();
  for (const kid of [
    ...['../../../../dev/null', '/proc/self/environ', 'file:///etc/passwd', 'http://127.0.0.1/x'],
    ...["' OR 1=1 --", '__proto__', 'constructor', 'toString', '', 'key-1\u0000', 'KEY-1'],
  ]) {
    t.equal(await reasonOf(identity.verify(forge({ kid }, issuer.url))), 'token_key_unknown', kid);
  }
  for (const kid of [1, null, ['key-1'], { toString: 'key-1' }, 'k'.repeat(1_025)]) {
    t.equal(await reasonOf(identity.verify(forge({ kid }, issuer.url))), 'token_malformed');
  }
  t.strictSame(issuer.requests, [discoveryPath, jwksPath]);
});

test('the key of one trusted issuer does not sign for another', async (t) => {
  const first = await identityWorld(t);
  const second = await identityWorld(t);
  const trust = () => [
    { name: 'first', issuer: first.issuer.url, audiences: ['postern'], principal: 'user' },
    { name: 'second', issuer: second.issuer.url, audiences: ['postern'], principal: 'user' },
  ];
  const { identity } = await identityWorld(t, { trust });
  const token = await first.issuer.mint({ iss: second.issuer.url });
  t.equal(await reasonOf(identity.verify(new Secret(token))), 'token_signature_invalid', 'same kid, other key');
});
