// What the spans of one call share: its trace, its time, its delegation attributes.
// Attributes are made when the first span asks for them and kept for the others.

import type { Attributes } from '@opentelemetry/api';
import type { Arrival, CredentialFacts, KnownCall } from '../call.ts';
import type { Audit } from './audit.ts';
import { type CallTrace, openTrace, type TraceParts } from './call-trace.ts';
import { type DelegationIds, type DelegationOptions, delegationAttributes } from './delegation-attributes.ts';
import type { Metrics } from './metrics.ts';

/** Runs what records; a failure in it is counted and told, and goes no further. */
export type Guard = (record: () => void) => void;

export interface ObservationParts extends TraceParts {
  readonly metrics: Metrics;
  readonly audit: Audit;
  readonly delegation: DelegationOptions;
  /** user.hash or user.id of the subject, where it is a user. */
  readonly user: (call: KnownCall) => Attributes | undefined;
  /** Milliseconds of a monotonic clock: durations must not jump when the system's time is set. */
  readonly elapsed: () => number;
  readonly guard: Guard;
}

export interface CallRecorder {
  readonly trace: CallTrace;
  /** Milliseconds since the epoch, with fraction, that never run backwards within the call. */
  now(): number;
  ids(call: KnownCall, facts: CredentialFacts | undefined): DelegationIds;
  /** postern.delegation.* with the id of the grant in `facts`. */
  delegation(call: KnownCall, facts: CredentialFacts | undefined): Attributes;
  /** Time spent waiting for upstreams and issuers, in milliseconds: not the gate's own. */
  readonly elsewhere: number;
  waited(ms: number): void;
}

export function createCallRecorder(arrival: Arrival, parts: ObservationParts): CallRecorder {
  const trace = openTrace(arrival, parts);
  const began = parts.elapsed();
  let elsewhere = 0;
  let attributes: Attributes | undefined;

  function ids(call: KnownCall, facts: CredentialFacts | undefined): DelegationIds {
    return {
      rootId: trace.rootId(call),
      id: facts?.idHash ?? call.id,
      parentId: parts.ledger.idHash(call.subjectToken),
    };
  }

  return {
    trace,
    now: () => arrival.at + (parts.elapsed() - began),
    ids,
    delegation(call, facts) {
      attributes ??= delegationAttributes(call, ids(call, facts), parts.delegation);
      return { ...attributes, 'postern.delegation.id': facts?.idHash ?? call.id };
    },
    get elsewhere() {
      return elsewhere;
    },
    waited(ms) {
      elsewhere += ms;
    },
  };
}
