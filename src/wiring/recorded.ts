// The pipeline with the audit log in it: once policy has let a call through, its decision is told to the log, and the call
// goes on only when the log has it as the configuration demands. No credential is asked for and no upstream called before.
// A call that policy refuses needs no such wait: nothing was done that a record would have to precede.

import type { Audit } from '../audit/audit.ts';
import type { Stages } from '../call.ts';
import { type Carry, createPipeline } from '../pipeline.ts';
import type { Telemetry } from '../telemetry/observe.ts';

export type Assemble = (stages: Stages) => Carry;

export function createAssemble({ permitted }: Telemetry, { secured }: Audit): Assemble {
  return (stages) =>
    createPipeline({
      ...stages,
      async arm(call) {
        permitted(call);
        await secured();
        return stages.arm(call);
      },
    });
}
