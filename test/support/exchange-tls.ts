// Client certificates of the tests: see exchange-tls/README.md for what they are and how they were made.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, 'exchange-tls');
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

/** Signed every certificate but the stranger's. */
export const clientAuthority = read('authority.pem');

export interface TestCertificate {
  /** PEM. */
  readonly certificate: string;
  /** PKCS#8 PEM. */
  readonly key: string;
  /** SHA-256 as Node writes it. */
  readonly fingerprint: string;
  readonly der: { readonly certificate: Buffer; readonly key: Buffer };
}

export type CertificateName = 'gate-1' | 'gate-2' | 'svid-1' | 'svid-2' | 'svid-other' | 'stranger';

export function certificateNamed(name: CertificateName): TestCertificate {
  const certificate = read(`${name}.pem`);
  const key = read(`${name}.key.pem`);
  const parsed = new X509Certificate(certificate);
  const der = { certificate: parsed.raw, key: createPrivateKey(key).export({ type: 'pkcs8', format: 'der' }) };
  return { certificate, key, fingerprint: parsed.fingerprint256, der };
}

export const gateSpiffeId = 'spiffe://corp/ns/gate/sa/postern';
export const otherSpiffeId = 'spiffe://corp/ns/gate/sa/other';
