// A token and its key as one secret: what goes in comes out, and nothing of it shows.

import { inspect } from 'node:util';
import fc from 'fast-check';
import { decodeProtectedHeader } from 'jose';
import { test } from 'tap';
import { boundTokenOf, secretOfBoundToken } from '../../src/base/bound-token.ts';
import { dpopAlgorithms, makeDpopKey, prove, readNonce } from '../../src/base/dpop.ts';
import { Secret } from '../../src/base/secret.ts';

test('token and key come back, in another thread too', async (t) => {
  for (const alg of dpopAlgorithms) {
    const key = makeDpopKey(alg);
    const secret = secretOfBoundToken({ token: new Secret('a-token'), key });
    // What crosses to another thread is the text.
    const bound = boundTokenOf(new Secret(secret.reveal()));
    t.equal(bound?.token.reveal(), 'a-token');
    t.equal(bound?.key.thumbprint, key.thumbprint);
    t.equal(bound?.key.alg, alg);
    const proof = bound && (await prove(bound.key, { method: 'GET', url: 'https://x.example/a?b#c', now: 0 }));
    t.strictSame(decodeProtectedHeader(proof ?? ''), { typ: 'dpop+jwt', alg, jwk: key.publicJwk }, 'no private part');
  }
});

test('it is read once for each secret', (t) => {
  const secret = secretOfBoundToken({ token: new Secret('a-token'), key: makeDpopKey('ES256') });
  t.equal(boundTokenOf(secret), boundTokenOf(secret));
  t.end();
});

test('nothing of it shows', (t) => {
  const secret = secretOfBoundToken({ token: new Secret('a-token'), key: makeDpopKey('ES256') });
  const bound = boundTokenOf(secret);
  const shown = `${secret}${inspect({ secret, bound }, { depth: 9 })}${JSON.stringify({ secret, bound })}`;
  t.notMatch(shown, /a-token|"d"|\bd:/);
  t.end();
});

test('anything else is no bound token', (t) => {
  const { privateKey } = makeDpopKey('ES256');
  const { d: _, ...publicPart } = privateKey.export({ format: 'jwk' });
  const odd = ['', 'a-token', '{}', '{"token":"x"}', JSON.stringify({ token: 'x', jwk: publicPart })];
  const rsa = { kty: 'RSA', n: 'AQAB', e: 'AQAB' };
  for (const text of [
    ...odd,
    JSON.stringify({ token: 'x', jwk: rsa }),
    '{"token":"x","jwk":{"kty":"oct","k":"AAAA"}}',
  ]) {
    t.equal(boundTokenOf(new Secret(text)), undefined, text.slice(0, 20));
  }
  t.end();
});

test('a nonce that is sent back has only characters of a nonce, and not too many', (t) => {
  fc.assert(
    fc.property(fc.string({ maxLength: 600, unit: 'binary' }), (text) => {
      const nonce = readNonce(text);
      return nonce === undefined || (nonce === text && /^[!#-[\]-~]{1,512}$/.test(nonce));
    }),
    { seed: 1, numRuns: 500 },
  );
  t.equal(readNonce('eyJ7S_zG.eyJH0-Z.HX4w-7v'), 'eyJ7S_zG.eyJH0-Z.HX4w-7v');
  t.equal(readNonce('x'.repeat(513)), undefined);
  t.end();
});
