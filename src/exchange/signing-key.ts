// The private key that signs client assertions: PKCS#8 PEM or JWK, read once at load.
// Must never quote what it read: parsers put the text they stumble over into their messages.

import { createPrivateKey, type KeyObject, type webcrypto } from 'node:crypto';
import type { Report } from '../base/problem.ts';
import type { ClientOptions } from './client-auth-schema.ts';

/** Smallest RSA key accepted, in bits (RFC 7518 section 3.3). */
const minRsaBits = 2_048;

const algorithmOfCurve = new Map([
  ['prime256v1', 'ES256'],
  ['secp384r1', 'ES384'],
  ['secp521r1', 'ES512'],
]);

const curveOfAlgorithm = new Map([
  ['ES256', 'P-256'],
  ['ES384', 'P-384'],
  ['ES512', 'P-521'],
]);

export interface SigningKey {
  readonly key: webcrypto.CryptoKey;
  readonly alg: string;
  readonly kid: string | undefined;
}

type KeyOptions = Extract<ClientOptions, { auth: 'private_key_jwt' }>;

/** The key ready to sign, or undefined after a problem was reported. */
export function readSigningKey(client: KeyOptions, report: Report): SigningKey | undefined {
  const problem = (what: string, mend: string) => {
    report({ path: ['key'], what, mend });
    return undefined;
  };
  const parsed = parseKey(client.key.reveal().trim());
  if (parsed === undefined) return problem('is not a private key', 'give an unencrypted PKCS#8 PEM or a private JWK');

  const { key, kid } = parsed;
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < minRsaBits) {
    return problem(`is an RSA key of ${bits} bits`, `use at least ${minRsaBits} bits (RFC 7518 section 3.3)`);
  }
  const alg = client.alg ?? defaultAlgorithm(key);
  if (alg === undefined)
    return problem('is a key of a kind that signs no JWT', 'use RSA, P-256, P-384, P-521 or Ed25519');

  try {
    const signing = key.toCryptoKey(webAlgorithm(alg), false, ['sign']);
    return { key: signing, alg, kid: client.kid ?? kid };
  } catch {
    return problem(`does not fit alg ${alg}`, 'leave out `alg`, or name one that belongs to this kind of key');
  }
}

function parseKey(text: string): { key: KeyObject; kid: string | undefined } | undefined {
  try {
    if (!text.startsWith('{')) return { key: createPrivateKey(text), kid: undefined };
    const jwk: { readonly kid?: unknown } & webcrypto.JsonWebKey = JSON.parse(text);
    const kid = typeof jwk.kid === 'string' ? jwk.kid : undefined;
    return { key: createPrivateKey({ key: { ...jwk }, format: 'jwk' }), kid };
  } catch {
    return undefined;
  }
}

function defaultAlgorithm(key: KeyObject): string | undefined {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return 'RS256';
    case 'rsa-pss':
      return 'PS256';
    case 'ed25519':
      return 'EdDSA';
    case 'ec':
      return algorithmOfCurve.get(key.asymmetricKeyDetails?.namedCurve ?? '');
    default:
      return undefined;
  }
}

/** RFC 7518 section 3.1 and RFC 8037 as WebCrypto parameters. */
function webAlgorithm(alg: string) {
  const hash = `SHA-${alg.slice(2)}`;
  if (alg.startsWith('RS')) return { name: 'RSASSA-PKCS1-v1_5', hash };
  if (alg.startsWith('PS')) return { name: 'RSA-PSS', hash };
  const namedCurve = curveOfAlgorithm.get(alg);
  return namedCurve === undefined ? { name: 'Ed25519' } : { name: 'ECDSA', namedCurve };
}
