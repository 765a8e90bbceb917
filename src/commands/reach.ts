// Whether a connection to an endpoint can be made: TCP, and TLS with the certificates and addresses this configuration trusts.
// Says no more than it has seen. Must never send anything: an endpoint that is asked answers to somebody, and may count it.

import { createConnector } from '../base/connect.ts';
import { errorCode } from '../base/error-code.ts';
import type { Network } from '../forwarding/network.ts';

/** Time to connect, in milliseconds. */
const connectMs = 5_000;

export interface Reached {
  readonly ok: boolean;
  /** For people, e.g. `connects (TLS), was not asked`. */
  readonly said: string;
}

/** @param url http or https */
export function reach(network: Network, url: string): Promise<Reached> {
  const { protocol, hostname, port, host } = new URL(url);
  const connect = createConnector({ ...network, connectMs, http2: false });
  const address = hostname.replace(/^\[|\]$/g, '');
  const isTls = protocol === 'https:';
  return new Promise((resolve) => {
    connect({ protocol, hostname: address, host, port: port || (isTls ? '443' : '80') }, (failure, socket) => {
      socket?.destroy();
      if (failure === null) resolve({ ok: true, said: `connects (${isTls ? 'TLS' : 'TCP'}), was not asked` });
      else resolve({ ok: false, said: `does not connect (${errorCode(failure)})` });
    });
  });
}
