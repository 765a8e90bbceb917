// The calls that one compiled gate carries, counted from arrival to end. A gate that a reload has replaced is closed only when
// its last call has ended: one that still waits for an issuer has not reached forwarding, and must not be refused for that.

import type { Carry } from '../pipeline.ts';

export interface Generation {
  readonly carry: Carry;
  /** Resolves once none of its calls is under way. To be asked when no new ones come. */
  idle(): Promise<void>;
}

export function createGeneration(inner: Carry): Generation {
  let live = 0;
  let idle: PromiseWithResolvers<void> | undefined;

  function left(): void {
    live -= 1;
    if (live === 0) idle?.resolve();
  }

  function failed(failure: unknown): never {
    left();
    throw failure;
  }

  return {
    carry(arrival) {
      live += 1;
      return inner(arrival).then(left, failed);
    },
    idle() {
      idle ??= Promise.withResolvers<void>();
      if (live === 0) idle.resolve();
      return idle.promise;
    },
  };
}
