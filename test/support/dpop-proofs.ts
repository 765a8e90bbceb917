// Proofs of possession (RFC 9449) made and verified with jose alone, apart from the code under test: a client that can be told
// to prove wrongly, and a server's check as section 4.3 lists it, with its memory of what was used.

import { createHash, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import type { Clock } from '../../src/base/ports.ts';

export interface ProofChanges {
  readonly header?: Record<string, unknown>;
  readonly claims?: Record<string, unknown>;
}

export interface Prover {
  readonly jkt: string;
  proof(method: string, url: string, changes?: ProofChanges): Promise<string>;
}

export async function createProver(clock: Clock, alg = 'ES256'): Promise<Prover> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return {
    jkt: await calculateJwkThumbprint(jwk),
    proof: (method, url, { header, claims } = {}) =>
      new SignJWT({ jti: randomUUID(), htm: method, htu: url, iat: Math.floor(clock.now() / 1_000), ...claims })
        .setProtectedHeader({ typ: 'dpop+jwt', alg, jwk, ...header })
        .sign(privateKey),
  };
}

export interface Expected {
  readonly method: string;
  /** Without query. */
  readonly url: string;
  readonly token: string;
  readonly nonce?: string | undefined;
}

export type CheckProof = (proof: string | undefined, expected: Expected) => Promise<string>;

/** @returns a check that gives the thumbprint of the key, or throws with what is wrong */
export function createProofCheck(clock: Clock): CheckProof {
  const used = new Set<unknown>();

  return async function check(proof, { method, url, token, nonce }) {
    if (proof === undefined) throw new Error('no proof');
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      algorithms: ['ES256', 'ES384', 'EdDSA'],
      typ: 'dpop+jwt',
      currentDate: new Date(clock.now()),
    });
    const { jwk } = protectedHeader;
    if (jwk === undefined || 'd' in jwk) throw new Error('no public key');
    if (payload['htm'] !== method) throw new Error(`htm is ${String(payload['htm'])}`);
    if (payload['htu'] !== url) throw new Error(`htu is ${String(payload['htu'])}`);
    if (payload['ath'] !== createHash('sha256').update(token).digest('base64url')) throw new Error('ath is another');
    if (typeof payload.iat !== 'number' || Math.abs(clock.now() / 1_000 - payload.iat) > 5) throw new Error('iat');
    if (payload['nonce'] !== nonce) throw new Error(`nonce is ${String(payload['nonce'])}`);
    if (payload.jti === undefined || used.has(payload.jti)) throw new Error('used before');
    used.add(payload.jti);
    return calculateJwkThumbprint(jwk);
  };
}
