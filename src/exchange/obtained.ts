// A credential that was obtained and judged: the value, what may be told of it, and how long it may be used.
// Made in round-trip.ts alone, so that nothing unverified is ever cached.

import type { Secret } from '../base/secret.ts';
import type { CredentialFacts } from '../credential.ts';
import type { Life } from './life.ts';

export interface Obtained {
  readonly secret: Secret;
  readonly facts: CredentialFacts;
  readonly life: Life;
  /** When it was asked for, ms since the epoch. */
  readonly askedAt: number;
  /** When the first token that came with the call ends, ms since the epoch: bounds whatever it is traded for next. */
  readonly callEndsAt: number | undefined;
}
