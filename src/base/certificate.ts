// A certificate chain with its private key, checked once and made ready for TLS handshakes.
// Must never put anything of a key into an error, and never pass on a key that is not the certificate's own.

import type { KeyObject, X509Certificate } from 'node:crypto';
import { Secret } from './secret.ts';

/** Most certificates in one chain; a leaf and its intermediates are two or three. */
export const maxChainLength = 10;

/** A client's proof in a TLS handshake. */
export interface CertificatePair {
  /** PEM, leaf first. */
  readonly chain: string;
  /** PKCS#8 PEM. */
  readonly key: Secret;
  /** SHA-256 of the leaf: two pairs with the same one are the same identity to whoever is shown them. */
  readonly fingerprint: string;
  /** First of the ends of its certificates, in ms since the epoch. */
  readonly expiresAt: number;
}

/** Where a pair comes from that is rotated: asked for every message. */
export interface ClientCertificate {
  /** The pair that holds now. Rejects when there is none that can be shown. */
  current(): Promise<CertificatePair>;
}

/** Why certificates and key make no pair: one sentence, free of what was read. */
export class CertificateProblem extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'CertificateProblem';
  }
}

/** @param chain leaf first @throws CertificateProblem */
export function pairOf(chain: readonly X509Certificate[], key: KeyObject): CertificatePair {
  const [leaf] = chain;
  if (leaf === undefined) throw new CertificateProblem('there is no certificate');
  if (chain.length > maxChainLength) throw new CertificateProblem(`more than ${maxChainLength} certificates`);
  if (!leaf.checkPrivateKey(key)) throw new CertificateProblem('the key does not belong to the certificate');
  return {
    chain: chain.map((certificate) => certificate.toString()).join(''),
    key: new Secret(key.export({ type: 'pkcs8', format: 'pem' }).toString()),
    fingerprint: leaf.fingerprint256,
    expiresAt: Math.min(...chain.map((certificate) => certificate.validToDate.getTime())),
  };
}
