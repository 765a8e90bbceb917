// A brief memory of exchanges that failed, per cache key: a client that retries in a loop must not become load on the issuer.
// Short on purpose: a mended permission or a recovered issuer is noticed within seconds. Holds no credential.

import { LRUCache } from 'lru-cache';
import { atMost } from '../base/at-most.ts';
import type { Refusal } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';

/** How long a "no" is remembered, in ms: decisions change only when somebody changes something. */
const deniedFor = 5_000;

/** How long a fault is remembered, in ms: faults pass by themselves. */
const faultyFor = 1_000;

/** Failures remembered at one time: every verified token can make one. */
const maxFailures = 10_000;

export interface Failures {
  recall(key: string): Refusal | undefined;
  remember(key: string, refusal: Refusal): void;
}

export function createFailures(clock: Clock): Failures {
  const store = new LRUCache<string, { readonly refusal: Refusal; readonly until: number }>(atMost(maxFailures));

  return {
    recall(key) {
      const failure = store.get(key);
      if (failure === undefined || clock.now() < failure.until) return failure?.refusal;
      store.delete(key);
      return undefined;
    },
    remember(key, refusal) {
      const duration = memoryOf(refusal);
      if (duration > 0) store.set(key, { refusal, until: clock.now() + duration });
    },
  };
}

function memoryOf({ code }: Refusal): number {
  switch (code) {
    case 'credential_invalid':
    case 'access_denied':
    case 'step_up_required':
    case 'credential_unverified':
      return deniedFor;
    case 'credential_unavailable':
      return faultyFor;
    default:
      return 0; // the gate's own limits and faults say nothing about the next attempt
  }
}
