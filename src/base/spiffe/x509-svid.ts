// An X.509-SVID as a pair for TLS handshakes (X509-SVID.md; RFC 5280). The trust bundle that comes with it is not used: an
// authorization server is verified by the authorities of the web, never by a workload's trust domain
// (draft-ietf-oauth-spiffe-client-auth, "Client Authentication using X509-SVID").

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { type CertificatePair, CertificateProblem, maxChainLength, pairOf } from '../certificate.ts';
import { WorkloadFailure } from './failure.ts';
import type { ReceivedX509Svid } from './messages.ts';

export interface X509Svid extends CertificatePair {
  readonly spiffeId: string;
}

/** @throws WorkloadFailure `malformed` */
export function readX509Svid({ spiffeId, chain, key }: ReceivedX509Svid): X509Svid {
  try {
    const certificates = splitDer(chain).map(readCertificate);
    if (certificates[0]?.ca !== false) throw new CertificateProblem('its certificate is that of an authority');
    if (!isFor(certificates[0], spiffeId)) throw new CertificateProblem('its certificate is of another SPIFFE ID');
    return { ...pairOf(certificates, readKey(key())), spiffeId };
  } catch (failure) {
    if (!(failure instanceof CertificateProblem)) throw failure;
    throw new WorkloadFailure('malformed', `the X.509-SVID of the Workload API cannot be used: ${failure.message}`);
  }
}

/** Certificates come one after the other; each is a SEQUENCE of definite length (X.690 section 8.1.3). */
function splitDer(bytes: Buffer): Buffer[] {
  const certificates: Buffer[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const length = lengthOfSequence(rest);
    if (length > rest.length) throw new CertificateProblem('a certificate is cut short');
    if (certificates.length === maxChainLength)
      throw new CertificateProblem(`more than ${maxChainLength} certificates`);
    certificates.push(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
  return certificates;
}

/** With its head, in bytes. A certificate is longer than 127 bytes and shorter than 16 MiB. */
function lengthOfSequence(bytes: Buffer): number {
  const [tag, first = 0] = bytes;
  const size = first - 0x80;
  if (tag !== 0x30 || size < 1 || size > 3 || bytes.length < 2 + size) {
    throw new CertificateProblem('there is something else than certificates');
  }
  return 2 + size + bytes.readUIntBE(2, size);
}

function readCertificate(der: Buffer): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch {
    throw new CertificateProblem('a certificate cannot be read');
  }
}

/** Exactly one URI, and that one (X509-SVID.md section 2). */
function isFor(leaf: X509Certificate | undefined, spiffeId: string): boolean {
  const names = leaf?.subjectAltName?.split(', ') ?? [];
  const uris = names.filter((name) => name.startsWith('URI:'));
  return uris.length === 1 && uris[0] === `URI:${spiffeId}`;
}

function readKey(der: Buffer): KeyObject {
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } catch {
    throw new CertificateProblem('its key is no unencrypted PKCS#8');
  }
}
