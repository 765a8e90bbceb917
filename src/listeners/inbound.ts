// The listener in front of the agent: callers find it where they would find the agent. The same strict server as the outbound
// one, with another path behind it; what it takes in is an Arrival like any other.
// Must never be the only thing between the network and the agent by mere convention: the agent listens on loopback.

import type { Arrival } from '../call.ts';
import type { ListenAddress } from './address.ts';
import { listenOutbound, type OutboundListener, type OutboundOptions } from './outbound.ts';

export interface InboundListenOptions extends Omit<OutboundOptions, 'address' | 'carry'> {
  /** undefined where nothing comes in. */
  readonly address: ListenAddress | undefined;
  readonly carry: (arrival: Arrival) => Promise<void>;
}

export type InboundListener = OutboundListener;

/** @throws bind errors as Node gives them */
export async function listenInbound({ address, ...rest }: InboundListenOptions): Promise<InboundListener | undefined> {
  return address === undefined ? undefined : listenOutbound({ ...rest, address });
}
