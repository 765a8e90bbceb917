// Keys that sign checkpoints: one pair of each kind, and one that nobody trusts. Made anew for each run.

import { generateKeyPairSync } from 'node:crypto';
import { type PublicKey, readPublicKey, readSigningKey, type SigningKey } from '../../src/audit/signing-key.ts';
import { Secret } from '../../src/base/secret.ts';

export interface KeyPair {
  readonly key: SigningKey;
  readonly publicKey: PublicKey;
  /** PKCS#8. */
  readonly privatePem: string;
  /** SPKI. */
  readonly publicPem: string;
}

export const ed25519 = pairOf(generateKeyPairSync('ed25519'));
export const p256 = pairOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
export const stranger = pairOf(generateKeyPairSync('ed25519'));

function pairOf({ privateKey, publicKey }: ReturnType<typeof generateKeyPairSync>): KeyPair {
  const privatePem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const publicPem = String(publicKey.export({ type: 'spki', format: 'pem' }));
  const key = readSigningKey(new Secret(privatePem));
  const read = readPublicKey(publicPem);
  if (key === undefined || read === undefined) throw new TypeError('a key that was just made cannot be read');
  return { key, publicKey: read, privatePem, publicPem };
}
