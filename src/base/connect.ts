// Opens connections for undici: every outgoing socket of the gate is made here (WebSocket tunnels use the same policy with
// node:http). Must never connect to an address the policy refuses, nor relax TLS verification.

import { isIP } from 'node:net';
import { getCACertificates } from 'node:tls';
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
  const connect = makeConnector({
    timeout: connectMs,
    allowH2: http2,
    preferH2: http2,
    lookup: addresses.lookup,
    ...trust(ca),
    ...(certificate === undefined ? {} : { cert: certificate.chain, key: certificate.key.reveal() }),
  });
  return function connectChecked(target, callback) {
    const { hostname } = target;
    // A literal address is connected without a lookup, so it is checked here.
    if (isIP(hostname) !== 0 && !addresses.permits(hostname)) {
      queueMicrotask(() => callback(new AddressRefused(hostname, hostname), null));
      return;
    }
    connect(target, callback);
  };
}

/** TLS options that trust `ca` in addition to the runtime's authorities (`ca` alone would replace them). */
export function trust(ca: readonly string[] | undefined): { ca?: string[] } {
  return ca === undefined || ca.length === 0 ? {} : { ca: [...getCACertificates('default'), ...ca] };
}
