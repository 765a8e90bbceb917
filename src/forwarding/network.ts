// Compiles the `network` section: the address policy every outgoing connection goes through, and the extra certificate
// authorities. Problems are reported, never thrown; a bad file must never mean "trust nothing in particular".

import { X509Certificate } from 'node:crypto';
import { type AddressPolicy, createAddressPolicy } from '../base/addresses.ts';
import { errorCode } from '../base/error-code.ts';
import type { Report } from '../base/problem.ts';
import { readTextFileSync } from '../base/read-file.ts';
import type { NetworkConfig } from './schema.ts';

/** Largest certificate file read, in bytes; the bundle of a whole operating system is about 250 KB. */
const maxCaBytes = 1_048_576;

const certificate = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

export interface Network {
  readonly addresses: AddressPolicy;
  /** PEM certificates, one per entry; empty when none are configured. */
  readonly ca: readonly string[];
}

/** @param path where the section stands in the configuration, for problems. */
export function compileNetwork(config: NetworkConfig, path: readonly (string | number)[], report: Report): Network {
  return {
    addresses: createAddressPolicy({ deny: config.deny, allow: config.allow }),
    ca: config.ca_file === undefined ? [] : readAuthorities(config.ca_file, [...path, 'ca_file'], report),
  };
}

function readAuthorities(file: string, path: readonly (string | number)[], report: Report): string[] {
  const refuse = (why: string): string[] => {
    report({ path, what: `${file} ${why}`, mend: 'name a readable PEM file of CA certificates' });
    return [];
  };
  let text: string;
  try {
    text = readTextFileSync(file, maxCaBytes);
  } catch (failure) {
    const code = errorCode(failure);
    return refuse(code === 'EFBIG' ? `is larger than ${maxCaBytes} bytes` : `cannot be read (${code})`);
  }
  const found = text.match(certificate) ?? [];
  if (found.length === 0) return refuse('holds no certificate');
  return found.every(isCertificate) ? found : refuse('holds a certificate that cannot be read');
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
