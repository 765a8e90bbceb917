// Keys of audit checkpoints: the operator's private key at the gate, the public one where logs are checked.
// Ed25519 or P-256, as PEM or JWK. Must never quote what it read: parsers put the text they stumble over into messages.

import {
  createPrivateKey,
  createPublicKey,
  hash,
  type JsonWebKeyInput,
  type KeyObject,
  sign,
  verify,
  type webcrypto,
} from 'node:crypto';
import type { Secret } from '../base/secret.ts';

export type CheckpointAlgorithm = 'EdDSA' | 'ES256';

export interface PublicKey {
  readonly alg: CheckpointAlgorithm;
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  verify(data: string, signature: Buffer): boolean;
}

export interface SigningKey {
  readonly alg: CheckpointAlgorithm;
  readonly kid: string;
  sign(data: string): Buffer;
}

/** undefined when it is no private key of a kind that signs checkpoints. */
export function readSigningKey(secret: Secret): SigningKey | undefined {
  const key = parse(secret.reveal(), createPrivateKey);
  const made = key && publicKeyOf(createPublicKey(key));
  if (key === undefined || made === undefined) return undefined;
  const { alg, kid } = made;
  return { alg, kid, sign: (data) => sign(digestOf(alg), Buffer.from(data), { key, dsaEncoding: 'ieee-p1363' }) };
}

/** @param text PEM or JWK of a public key, or of the private one. @returns undefined when it is neither. */
export function readPublicKey(text: string): PublicKey | undefined {
  const key = parse(text, createPublicKey);
  return key && publicKeyOf(key);
}

type CreateKey = (key: string | JsonWebKeyInput) => KeyObject;

function parse(text: string, create: CreateKey): KeyObject | undefined {
  try {
    const trimmed = text.trim();
    if (!trimmed.startsWith('{')) return create(trimmed);
    const jwk: webcrypto.JsonWebKey = JSON.parse(trimmed);
    return create({ key: { ...jwk }, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function publicKeyOf(key: KeyObject): PublicKey | undefined {
  const alg = algorithmOf(key);
  if (alg === undefined) return undefined;
  return {
    alg,
    kid: thumbprint(key),
    verify: (data, signature) =>
      verify(digestOf(alg), Buffer.from(data), { key, dsaEncoding: 'ieee-p1363' }, signature),
  };
}

function algorithmOf(key: KeyObject): CheckpointAlgorithm | undefined {
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA';
  return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? 'ES256' : undefined;
}

/** Ed25519 digests by itself (RFC 8032). */
function digestOf(alg: CheckpointAlgorithm): 'sha256' | null {
  return alg === 'ES256' ? 'sha256' : null;
}

/** RFC 7638 section 3: the required members, in lexicographic order, without white space. */
function thumbprint(key: KeyObject): string {
  const { crv, kty, x, y } = key.export({ format: 'jwk' });
  return hash('sha256', JSON.stringify({ crv, kty, x, y }), 'base64url');
}
