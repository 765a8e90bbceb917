// Opens the sockets of HTTP/2 connections, by undici's connector: HTTP/1.1 has its own (base/http1/dial.ts).
// Must never connect to an address the policy refuses, nor relax TLS verification.

import { isIP } from 'node:net';
import type { buildConnector } from 'undici';
import { type AddressPolicy, AddressRefused } from '../base/addresses.ts';
import { trusting } from '../base/trusting.ts';
import { makeConnector } from '../base/undici.ts';

export interface ConnectorOptions {
  readonly addresses: AddressPolicy;
  /** Time to establish TCP and TLS, in milliseconds. */
  readonly connectMs: number;
  /** Certificate authorities (PEM) trusted besides the runtime's own. */
  readonly ca: readonly string[];
}

export function createConnector({ addresses, connectMs, ca }: ConnectorOptions): buildConnector.connector {
  const common = { timeout: connectMs, allowH2: true, preferH2: true, lookup: addresses.lookup };
  const plain = makeConnector(common);
  // Made for the first connection that needs it: reading the authorities takes long.
  let secure: buildConnector.connector | undefined;
  return function connectChecked(target, callback) {
    const { hostname, protocol } = target;
    // A literal address is connected without a lookup, so it is checked here.
    if (isIP(hostname) !== 0 && !addresses.permits(hostname)) {
      queueMicrotask(() => callback(new AddressRefused(hostname, hostname), null));
      return;
    }
    if (protocol === 'https:') {
      secure ??= makeConnector({ ...common, secureContext: trusting(ca) });
      secure(target, callback);
    } else plain(target, callback);
  };
}
