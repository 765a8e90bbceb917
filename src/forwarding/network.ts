// Compiles the `network` section: the address policy every outgoing connection goes through, and the extra certificate
// authorities. Problems are reported, never thrown; a bad file must never mean "trust nothing in particular".

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type AddressPolicy, createAddressPolicy } from '../base/addresses.ts';
import type { Report } from '../base/problem.ts';
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
  try {
    const text = readFileSync(file, 'latin1');
    if (text.length > maxCaBytes) throw new RangeError(`is larger than ${maxCaBytes} bytes`);
    const found = text.match(certificate) ?? [];
    if (found.length === 0) throw new TypeError('holds no certificate');
    for (const pem of found) new X509Certificate(pem);
    return found;
  } catch (failure) {
    const why = failure instanceof Error ? failure.message : 'cannot be read';
    report({ path, what: `${file}: ${why}`, mend: 'name a readable PEM file of CA certificates' });
    return [];
  }
}
