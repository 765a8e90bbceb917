// A listener whose every call is refused for one chosen reason: the real socket, parser and refusal writer, no stages.

import { type Reason, Refusal, type RefusalFacts } from '../../src/base/errors.ts';
import type { Arrival, Dialect } from '../../src/call.ts';
import { listenOutbound, type OutboundListener, type OutboundOptions } from '../../src/listeners/outbound.ts';
import { createRefuse } from '../../src/listeners/refuse.ts';
import { silentLog } from './log.ts';

/** On a port of the system's choice. */
export const standardListener: Omit<OutboundOptions, 'carry'> = {
  address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
  maxHeaderBytes: 16_384,
  keepAliveMs: 5_000,
  clock: { now: () => 1_790_000_000_000 },
  log: silentLog,
};

export interface RefusingListener extends OutboundListener {
  readonly arrivals: Arrival[];
}

export async function refuseEverything(
  dialect: Dialect,
  reason: Reason,
  facts: RefusalFacts = {},
): Promise<RefusingListener> {
  const arrivals: Arrival[] = [];
  const refuse = createRefuse({ dialectFor: () => dialect });
  const listener = await listenOutbound({
    ...standardListener,
    async carry(arrival) {
      arrivals.push(arrival);
      refuse(arrival, new Refusal(reason, facts));
    },
  });
  return { ...listener, arrivals };
}
