// The embedded issuer's signing key: read from a JWK file, or made anew at each start.
// The private key stays in this process; it is never logged, and errors name the file, not its content.

import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { errorCode } from '../base/error-code.ts';
import { readTextFile } from '../base/read-file.ts';

const algorithms = ['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA'] as const;
export type SigningAlgorithm = (typeof algorithms)[number];

export interface SigningKey {
  readonly alg: SigningAlgorithm;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  /** For the key store of the provider, which publishes its public part. */
  readonly privateJwk: JWK;
}

/** Longest key file read, in bytes: an RSA-4096 JWK has about 3 KiB. Stops a wrong path (a device, a log) filling memory. */
const maxKeyFileBytes = 65_536;

const algorithmByKeyShape = new Map<string, SigningAlgorithm>([
  ['EC P-256', 'ES256'],
  ['EC P-384', 'ES384'],
  ['EC P-521', 'ES512'],
  ['OKP Ed25519', 'EdDSA'],
  ['RSA', 'RS256'],
]);

/**
 * @param file path of a private JWK, or undefined for a key of this run only.
 * @throws Error when the file cannot be read or holds no usable private key.
 */
export async function loadSigningKey(file: string | undefined): Promise<SigningKey> {
  if (file === undefined) {
    const pair = await generateKeyPair('ES256', { extractable: true });
    return fromJwk(await exportJWK(pair.privateKey), 'the key made at start');
  }
  return fromJwk(await readJwk(file), file);
}

async function readJwk(file: string): Promise<JWK> {
  try {
    const parsed: unknown = JSON.parse(await readTextFile(file, maxKeyFileBytes));
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
  } catch (failure) {
    throw new Error(`the embedded issuer's key file ${file} could not be read as JSON (${errorCode(failure)})`);
  }
  throw new Error(`the embedded issuer's key file ${file} holds no JSON object`);
}

async function fromJwk(jwk: JWK, origin: string): Promise<SigningKey> {
  const shape = jwk.crv === undefined ? (jwk.kty ?? '') : `${jwk.kty} ${jwk.crv}`;
  const alg = jwk.alg === undefined ? algorithmByKeyShape.get(shape) : algorithms.find((name) => name === jwk.alg);
  if (alg === undefined || typeof jwk.d !== 'string') {
    throw new Error(`the embedded issuer's key (${origin}) is not a private EC, RSA or Ed25519 JWK`);
  }
  const kid = jwk.kid ?? (await calculateJwkThumbprint(jwk));
  const [privateKey, publicKey] = await Promise.all([
    importPart(jwk, alg, origin),
    importPart(publicPart(jwk), alg, origin),
  ]);
  return { alg, kid, privateKey, publicKey, privateJwk: { ...jwk, alg, kid, use: 'sig' } };
}

async function importPart(jwk: JWK, alg: string, origin: string): Promise<CryptoKey> {
  try {
    const key = await importJWK(jwk, alg);
    if (!(key instanceof Uint8Array)) return key;
  } catch {
    // The library's message may quote the key: say only which key it was.
  }
  throw new Error(`the embedded issuer's key (${origin}) could not be used as ${alg}`);
}

function publicPart({ kty, crv, x, y, n, e }: JWK): JWK {
  const present = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present);
}
