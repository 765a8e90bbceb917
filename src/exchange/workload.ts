// The SPIFFE Workload API as exchanges use it: its failures become refusals with a reason for the operator.
// A gate without an identity is a fault of the set-up: never of the agent, and never a reason to go on as nobody.

import { Refusal } from '../base/errors.ts';
import { asWorkloadFailure, inWords } from '../base/spiffe/failure.ts';

/** @param who wants an identity, e.g. `subject source own` */
export function refuseWorkload(failure: unknown, who: string): never {
  throw new Refusal('secret_unavailable', { detail: `${who}: ${inWords(asWorkloadFailure(failure))}`, retryAfter: 1 });
}
