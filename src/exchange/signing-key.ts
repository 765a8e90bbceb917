// The private key that signs client assertions: PKCS#8 PEM or JWK, read once at load.
// Must never quote what it read: parsers put the text they stumble over into their messages.

import { createPrivateKey, hash, type KeyObject, type webcrypto, X509Certificate } from 'node:crypto';
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
  /** SHA-256 of its certificate (RFC 7515 section 4.1.8), where one is configured. */
  readonly thumbprint: string | undefined;
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
  const thumbprint = client.certificate === undefined ? undefined : thumbprintOf(client.certificate, key);
  if (thumbprint === 'unreadable' || thumbprint === 'of another key') {
    report({
      path: ['certificate'],
      what: `is ${thumbprint}`,
      mend: 'give the certificate (PEM) that belongs to `key`',
    });
    return undefined;
  }
  const alg = client.alg ?? defaultAlgorithm(key, thumbprint !== undefined);
  if (alg === undefined)
    return problem('is a key of a kind that signs no JWT', 'use RSA, P-256, P-384, P-521 or Ed25519');

  try {
    const signing = key.toCryptoKey(webAlgorithm(alg), false, ['sign']);
    return { key: signing, alg, kid: client.kid ?? kid, thumbprint };
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

/** Of the certificate's DER; only the first certificate is looked at. */
function thumbprintOf(pem: string, key: KeyObject): string {
  try {
    const certificate = new X509Certificate(pem);
    return certificate.checkPrivateKey(key) ? hash('sha256', certificate.raw, 'base64url') : 'of another key';
  } catch {
    return 'unreadable';
  }
}

/** Entra asks for PS256 with a certificate (learn.microsoft.com, "certificate credentials"); RS256 is what RFC 7523 has in common. */
function defaultAlgorithm(key: KeyObject, certified: boolean): string | undefined {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return certified ? 'PS256' : 'RS256';
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
