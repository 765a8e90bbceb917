// Who carries the calls: this thread alone, or a crew of worker threads, as `workers` says. Whoever starts the gate need not
// know which.

import type { Audit } from '../audit/audit.ts';
import type { Custody } from '../identity/custody.ts';
import type { Telemetry } from '../telemetry/observe.ts';
import { workerCount } from '../workers/schema.ts';
import { type Carrier, startCarrier } from './carrier.ts';
import type { Gate } from './gate.ts';
import type { Keys } from './keys.ts';
import type { Manuscript } from './manuscript.ts';
import { startCrew } from './workers/crew.ts';
import type { World } from './world.ts';

export interface Carriers extends Pick<Carrier, 'outboundUrl' | 'inboundUrl' | 'readiness' | 'close'> {
  /** Threads that carry calls. */
  readonly count: number;
  /**
   * Puts another configuration in force, in every thread or in none.
   * @param gate the same, compiled in this thread
   * @throws when a thread cannot; nothing has changed then, and the gate is closed
   */
  take(manuscript: Manuscript, gate: Gate): Promise<void>;
  /** Resolves when what the list of revocations says is in force in every thread. @throws when that is not known */
  revoked(): Promise<void>;
  /** Records an event of that list, with what it ended in every thread. */
  tell(name: string, facts: object): void;
  /** The text of /metrics, for all threads together. */
  prometheus(): Promise<string>;
}

export interface CarriersOptions extends World {
  readonly manuscript: Manuscript;
  /** Compiled from it in this thread. */
  readonly gate: Gate;
  readonly custody: Custody;
  readonly keys: Keys;
  readonly telemetry: Telemetry;
  readonly audit: Audit;
}

/** @throws bind errors as Node gives them */
export async function startCarriers(options: CarriersOptions): Promise<Carriers> {
  const count = workerCount(options.gate.config.workers);
  if (count > 1) return startCrew({ ...options, count });
  const carrier = await startCarrier(options);
  return {
    ...carrier,
    count,
    take: async (_manuscript, gate) => carrier.take(gate),
    revoked: async () => {},
    tell: options.telemetry.event,
    prometheus: options.telemetry.prometheus,
  };
}
