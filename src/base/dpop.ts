// Proofs of possession (RFC 9449): a key, and the small JWT that shows for one request that its sender holds it.
// Made here for both sides of a bound token: where it is asked for, and on every call it is placed on.
// Must never let a private key out but inside the Secret of the token that is bound to it (bound-token.ts).

import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';

/** Algorithms a proof may be signed with: asymmetric (section 4.2), and small enough for a header of every request. */
export const dpopAlgorithms = ['ES256', 'ES384', 'EdDSA'] as const;

export type DpopAlgorithm = (typeof dpopAlgorithms)[number];

/** The members of a key that RFC 7638 section 3.2 makes a thumbprint of, in its order. */
type PublicJwk = { readonly [member: string]: string };

export interface DpopKey {
  readonly alg: DpopAlgorithm;
  readonly privateKey: KeyObject;
  readonly publicJwk: PublicJwk;
  /** RFC 7638, SHA-256: what `cnf.jkt` of a bound token says. */
  readonly thumbprint: string;
}

export interface Proven {
  readonly method: string;
  /** URL of the request; query and fragment are left out (section 4.2, `htu`). */
  readonly url: string;
  /** The bound token, where it is used; undefined where it is asked for. */
  readonly token?: string;
  /** What the server gave last, to be sent back. */
  readonly nonce?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A new key. Takes a fraction of a millisecond. */
export function makeDpopKey(alg: DpopAlgorithm): DpopKey {
  return describe(alg, newPrivateKey(alg));
}

/** @throws when it is no private JWK of a kind that signs proofs */
export function readDpopKey(jwk: { readonly [member: string]: string }): DpopKey {
  const key = createPrivateKey({ key: { ...jwk }, format: 'jwk' });
  const alg = algorithmOf(jwk);
  if (alg === undefined) throw new TypeError('a key of a kind that signs no proof');
  return describe(alg, key);
}

/** The JWT of a `DPoP` header (RFC 9449 section 4.2). Every request has its own: its `jti` is never used again. */
export function prove(
  { alg, privateKey, publicJwk }: DpopKey,
  { method, url, token, nonce, now }: Proven,
): Promise<string> {
  const { origin, pathname } = new URL(url);
  const claims = {
    jti: randomUUID(),
    htm: method,
    htu: origin + pathname,
    iat: Math.floor(now / 1_000),
    ...(token !== undefined && { ath: hash('sha256', token, 'base64url') }),
    ...(nonce !== undefined && { nonce }),
  };
  return new SignJWT(claims).setProtectedHeader({ typ: 'dpop+jwt', alg, jwk: publicJwk }).sign(privateKey);
}

/** Longest nonce sent back, in characters: it grows every request, and a server must not fill them. */
const maxNonce = 512;

/** Section 8.1: characters of a nonce. Anything else could end the claim or the memory it is kept in. */
const nonceCharacters = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** The value of a `DPoP-Nonce` header; undefined for none, and for one that is not to be sent back. */
export function readNonce(value: string | undefined): string | undefined {
  return value !== undefined && value.length <= maxNonce && nonceCharacters.test(value) ? value : undefined;
}

function newPrivateKey(alg: DpopAlgorithm): KeyObject {
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519').privateKey;
  return generateKeyPairSync('ec', { namedCurve: alg === 'ES256' ? 'P-256' : 'P-384' }).privateKey;
}

function algorithmOf({ crv }: { readonly [member: string]: string }): DpopAlgorithm | undefined {
  if (crv === 'P-256') return 'ES256';
  if (crv === 'P-384') return 'ES384';
  return crv === 'Ed25519' ? 'EdDSA' : undefined;
}

function describe(alg: DpopAlgorithm, privateKey: KeyObject): DpopKey {
  const { crv = '', kty = '', x = '', y } = createPublicKey(privateKey).export({ format: 'jwk' });
  const publicJwk = { crv, kty, x, ...(y !== undefined && { y }) };
  return { alg, privateKey, publicJwk, thumbprint: hash('sha256', JSON.stringify(publicJwk), 'base64url') };
}
