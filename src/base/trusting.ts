// What a TLS connection of the gate trusts and shows. Must never replace the authorities of the runtime by configured ones, nor show
// one identity's certificate on another's connection.

import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { CertificatePair } from './certificate.ts';

const none: readonly string[] = [];

/** Contexts that show no certificate, by the very list of authorities they were made from: routes share one. */
const contexts = new WeakMap<readonly string[], SecureContext>();

/**
 * What a TLS connection trusts and shows: `ca` in addition to the runtime's authorities (`ca` alone would replace them).
 *
 * One context serves all connections. Node makes one for each when it is given a list instead, and reads every authority for it
 * again: with some 150 of the system, 8 to 15 ms in which the gate does nothing else, and 1.2 MB kept as long
 * as the connection. Where connections come and go (a call given up closes its own) that was half of the CPU time of a call.
 */
export function trusting(ca: readonly string[] = none, certificate?: CertificatePair): SecureContext {
  const trusted = ca.length === 0 ? {} : { ca: [...getCACertificates('default'), ...ca] };
  if (certificate !== undefined) {
    return createSecureContext({ ...trusted, cert: certificate.chain, key: certificate.key.reveal() });
  }
  let context = contexts.get(ca);
  if (context === undefined) {
    context = createSecureContext(trusted);
    contexts.set(ca, context);
  }
  return context;
}
