// What is known of an exchange's health, for readiness and the admin page: times and reasons.
// Must never hold a credential, nor decide anything: a failing exchange is still asked.

import type { Reason } from '../base/errors.ts';

export interface HealthFacts {
  /** Whether it was prepared (metadata, files) or gave a credential at least once. */
  readonly ready: boolean;
  /** Ms since the epoch. */
  readonly lastSuccessAt: number | undefined;
  readonly lastFailure: { readonly at: number; readonly reason: Reason } | undefined;
}

export interface Health {
  prepared(): void;
  succeeded(at: number): void;
  failed(at: number, reason: Reason): void;
  facts(): HealthFacts;
}

export function createHealth(): Health {
  let ready = false;
  let lastSuccessAt: number | undefined;
  let lastFailure: HealthFacts['lastFailure'];

  return {
    prepared() {
      ready = true;
    },
    succeeded(at) {
      ready = true;
      lastSuccessAt = at;
    },
    failed(at, reason) {
      lastFailure = { at, reason };
    },
    facts: () => ({ ready, lastSuccessAt, lastFailure }),
  };
}
