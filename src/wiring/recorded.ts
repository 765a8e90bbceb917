// The pipeline with the audit log in it: once policy has let a call through, its decision is told to the log, and the call
// goes on only when the log has it as the configuration demands. No credential is asked for and no upstream called before.
// A call that policy refuses needs no such wait: nothing was done that a record would have to precede.

import type { Audit } from '../audit/audit.ts';
import type { PermittedCall, Stages } from '../call.ts';
import { type Carry, createPipeline } from '../pipeline.ts';
import type { Telemetry } from '../telemetry/observe.ts';

export type Assemble = (stages: Stages) => Carry;

export function createAssemble({ permitted }: Telemetry, { secured, unhindered }: Audit): Assemble {
  /** Why this call's own record was not taken: room for those of other calls is none for it. */
  function untold(call: PermittedCall): Error | undefined {
    try {
      return permitted(call) ? undefined : new Error('the record of the decision was not taken');
    } catch (cause) {
      return new Error('the record of the decision could not be made', { cause });
    }
  }

  return (stages) =>
    createPipeline({
      ...stages,
      arm(call) {
        const failure = untold(call);
        return unhindered() ? stages.arm(call) : secured(failure).then(() => stages.arm(call));
      },
    });
}
