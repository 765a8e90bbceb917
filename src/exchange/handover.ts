// Credentials and refusals on their way between the threads of one process, as plain data.
// What is packed here is a secret in the clear: it must go to a thread of this gate and nowhere else.

import { type Reason, Refusal, type RefusalFacts } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { CacheResult } from '../credential.ts';
import type { Obtained } from './obtained.ts';
import type { Wanted } from './shared.ts';

export interface PackedObtained extends Omit<Obtained, 'secret'> {
  readonly secret: string;
}

export interface PackedRefusal extends Omit<RefusalFacts, 'cause'> {
  readonly reason: Reason;
}

export type Outcome =
  | { readonly kind: 'obtained'; readonly obtained: PackedObtained }
  | { readonly kind: 'refused'; readonly refusal: PackedRefusal };

/** What a worker that wants a credential is told: one that is there, why there is none, or to ask the issuer itself. */
export type Answer =
  | { readonly kind: 'ask' }
  | (Extract<Outcome, { kind: 'obtained' }> & { readonly from: Exclude<CacheResult, 'miss' | 'bypass'> })
  | Extract<Outcome, { kind: 'refused' }>;

/** A worker wants a credential; `id` is its own count. */
export interface Want {
  readonly id: number;
  readonly wanted: Wanted;
}

/** What came of asking, by who was told to. */
export interface Landing {
  readonly id: number;
  readonly key: string;
  readonly outcome: Outcome;
}

export function packObtained({ secret, ...obtained }: Obtained): PackedObtained {
  return { ...obtained, secret: secret.reveal() };
}

export function unpackObtained({ secret, ...obtained }: PackedObtained): Obtained {
  return { ...obtained, secret: new Secret(secret) };
}

/** Without its cause, which belongs to the record of the round trip that failed. */
export function packRefusal({ reason, detail, retryAfter, challenge, rpcCode }: Refusal): PackedRefusal {
  return {
    reason,
    ...(detail !== undefined && { detail }),
    ...(retryAfter !== undefined && { retryAfter }),
    ...(challenge !== undefined && { challenge }),
    ...(rpcCode !== undefined && { rpcCode }),
  };
}

export function unpackRefusal({ reason, ...facts }: PackedRefusal): Refusal {
  return new Refusal(reason, facts);
}
