// The client certificate of this gate in PEM files that are rotated under it (cert-manager, SPIFFE helpers, Vault agent):
// looked at again at most every second, read again when one of them changed.
// Must never show a certificate whose files are gone or that has expired, and never say what stands in the key's file.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { type CertificatePair, CertificateProblem, type ClientCertificate, pairOf } from '../base/certificate.ts';
import type { Clock, Log } from '../base/ports.ts';
import { changeMark, readBounded, unavailable } from './secret-file.ts';

/** How long files are taken as unchanged without looking, in ms: a rotated certificate is used at most this much later. */
const lookAgainAfter = 1_000;

const certificateBlock = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

export interface CertificateFiles {
  readonly certificate_file: string;
  readonly key_file: string;
}

export interface CertificatePorts {
  readonly clock: Clock;
  readonly log: Log;
}

export function createFileCertificate(files: CertificateFiles, { clock, log }: CertificatePorts): ClientCertificate {
  const { certificate_file: path } = files;
  let held: { readonly pair: CertificatePair; readonly mark: string } | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let complaint: string | undefined;
  let flight: Promise<void> | undefined;

  async function look(): Promise<void> {
    try {
      const mark = await marksOf(files);
      if (held?.mark !== mark) held = { pair: await readPair(files), mark };
      complaint = undefined;
    } catch (failure) {
      // Two files are not replaced at once: between them the pair before holds, as long as it lives.
      const isHalfway = failure instanceof CertificateProblem && held !== undefined;
      if (!isHalfway) held = undefined;
      if (held === undefined) throw asRefusal(failure, path);
      complain(failure);
    } finally {
      lookedAt = clock.now();
      flight = undefined;
    }
  }

  /** Once for each state of affairs: it is looked at every second. */
  function complain(failure: unknown): void {
    const detail = failure instanceof Error ? failure.message : 'unknown';
    if (detail !== complaint) log.warn({ file: path, detail }, 'client certificate kept: the new files make no pair');
    complaint = detail;
  }

  return {
    async current() {
      if (held === undefined || clock.now() - lookedAt >= lookAgainAfter) {
        flight ??= look();
        await flight;
      }
      if (held !== undefined && held.pair.expiresAt > clock.now()) return held.pair;
      throw unavailable(path, 'holds a certificate that has expired');
    },
  };
}

async function marksOf({ certificate_file, key_file }: CertificateFiles): Promise<string> {
  const marks = [certificate_file, key_file].map((path) =>
    changeMark(path).catch((cause: unknown) => {
      throw unavailable(path, 'cannot be read', cause);
    }),
  );
  return (await Promise.all(marks)).join(' ');
}

async function readPair({ certificate_file, key_file }: CertificateFiles): Promise<CertificatePair> {
  const [certificates, key] = await Promise.all([readBounded(certificate_file), readBounded(key_file)]);
  return pairOf((certificates.match(certificateBlock) ?? []).map(readCertificate), readKey(key));
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new CertificateProblem('a certificate cannot be read');
  }
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new CertificateProblem('the key is no unencrypted private key in PEM');
  }
}

function asRefusal(failure: unknown, path: string): unknown {
  if (!(failure instanceof CertificateProblem)) return failure;
  return unavailable(path, `and its key cannot be used: ${failure.message}`);
}
