// Opens connections for undici. Messages to issuers (connections.ts) and WebSocket tunnels use the same policy with
// node:http. Must never connect to an address the policy refuses, nor relax TLS verification.

import { isIP } from 'node:net';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { buildConnector } from 'undici';
import { type AddressPolicy, AddressRefused } from './addresses.ts';
import type { CertificatePair } from './certificate.ts';
import { makeConnector } from './undici.ts';

export interface ConnectorOptions {
  readonly addresses: AddressPolicy;
  /** Time to establish TCP and TLS, in milliseconds. */
  readonly connectMs: number;
  /** Offer HTTP/2 by ALPN. */
  readonly http2: boolean;
  /** Certificate authorities (PEM) trusted besides the runtime's own. */
  readonly ca?: readonly string[];
  /** Shown to whoever asks for a client certificate. */
  readonly certificate?: CertificatePair | undefined;
}

export function createConnector(options: ConnectorOptions): buildConnector.connector {
  const { addresses, connectMs, http2, ca, certificate } = options;
  const common = { timeout: connectMs, allowH2: http2, preferH2: http2, lookup: addresses.lookup };
  const plain = makeConnector(common);
  // Made for the first connection that needs it: most start with plain or no connections, and reading the authorities takes long.
  let secure: buildConnector.connector | undefined;
  return function connectChecked(target, callback) {
    const { hostname, protocol } = target;
    // A literal address is connected without a lookup, so it is checked here.
    if (isIP(hostname) !== 0 && !addresses.permits(hostname)) {
      queueMicrotask(() => callback(new AddressRefused(hostname, hostname), null));
      return;
    }
    if (protocol === 'https:') {
      secure ??= makeConnector({ ...common, secureContext: trusting(ca, certificate) });
      secure(target, callback);
    } else plain(target, callback);
  };
}

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
