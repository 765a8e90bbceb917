// Whether a connection to an endpoint can be made: TCP, and TLS with the certificates and addresses this configuration trusts.
// Says no more than it has seen. Must never send anything: an endpoint that is asked answers to somebody, and may count it.

import type { Socket } from 'node:net';
import { errorCode } from '../base/error-code.ts';
import { createDial } from '../base/http1/dial.ts';
import type { Network } from '../forwarding/network.ts';

/** Time to connect, in milliseconds. */
const connectMs = 5_000;

export interface Reached {
  readonly ok: boolean;
  /** For people, e.g. `connects (TLS), was not asked`. */
  readonly said: string;
}

/** @param url http or https */
export function reach({ addresses, ca }: Network, url: string): Promise<Reached> {
  const { protocol, origin } = new URL(url);
  const dial = createDial({ origin, addresses, ca, connectMs });
  return new Promise((resolve) => {
    const done = (failure: Error | undefined, socket: Socket) => {
      socket.destroy();
      if (failure !== undefined) resolve({ ok: false, said: `does not connect (${errorCode(failure)})` });
      else resolve({ ok: true, said: `connects (${protocol === 'https:' ? 'TLS' : 'TCP'}), was not asked` });
    };
    dial({ done, read: () => {} });
  });
}
