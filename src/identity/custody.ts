// What a sidecar holds for its agent: tokens of inbound calls, which the agent names by handle or by trace and never sees.
// One for the whole life of a process: a reload of the configuration must not end what agents are in the middle of.
// In memory only, and given up at the end.

import type { Clock } from '../base/ports.ts';
import type { VerifiedToken } from '../principal.ts';
import { createHandles, type Handles } from './handle.ts';
import type { Member } from './held.ts';
import { createTraceSubjects, type TraceSubjects } from './trace-subject.ts';

export interface Custody {
  readonly handles: Handles;
  readonly traces: TraceSubjects;
  /**
   * From now on no handle and no trace stands for a token of this party, as subject or as actor. Whether such a token may
   * come in again is for whoever decides about revocation to say. @returns handles and traces ended
   */
  revoke(member: Member): number;
  /** The same for every token of which `concerned` says so. @returns handles and traces ended */
  end(concerned: (token: VerifiedToken) => boolean): number;
  close(): void;
}

export function createCustody(clock: Clock): Custody {
  const handles = createHandles(clock);
  const traces = createTraceSubjects(clock);
  return {
    handles,
    traces,
    revoke: (member) => handles.revoke(member) + traces.revoke(member),
    end: (concerned) => handles.end(concerned) + traces.end(concerned),
    close() {
      handles.clear();
      traces.clear();
    },
  };
}
