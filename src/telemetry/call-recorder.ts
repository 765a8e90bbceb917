// What the spans of one call share: its trace, its time, its delegation attributes.
// A record and functions over it: every call makes one.
// Holds nothing of the call itself: that is read from the call when a span is written.

import type { Arrival, KnownCall } from '../call.ts';
import type { CredentialFacts } from '../credential.ts';
import type { AuditTrail } from './audit-trail.ts';
import { type CallTrace, rootIdOf, type TraceParts } from './call-trace.ts';
import type { DelegationBlocks, DelegationIds } from './delegation-attributes.ts';
import type { GrantSpan, WriteGrant } from './grant-attributes.ts';
import type { Metrics } from './metrics.ts';
import type { AttributeWriter } from './otlp-attributes.ts';

/** Is told of a failure in recording; it goes no further. */
export type Faulted = (failure: unknown) => void;

export interface ObservationParts extends TraceParts {
  readonly metrics: Metrics;
  readonly audit: AuditTrail;
  readonly delegation: DelegationBlocks;
  readonly grant: WriteGrant;
  /** Milliseconds of a monotonic clock: durations must not jump when the system's time is set. */
  readonly elapsed: () => number;
  readonly faulted: Faulted;
}

export interface CallRecorder {
  readonly arrival: Arrival;
  readonly parts: ObservationParts;
  readonly trace: CallTrace;
  /** On the monotonic clock, in milliseconds. */
  readonly began: number;
  /** Time spent waiting for upstreams and issuers, in milliseconds: not the gate's own. */
  elsewhere: number;
  /** Of the last credential they were asked for: spans and the audit record of a call ask for the same. */
  ids: DelegationIds | undefined;
  idsOf: CredentialFacts | undefined;
}

/** Milliseconds since the epoch, with fraction, that never run backwards within the call. */
export function nowOf({ arrival, parts, began }: CallRecorder): number {
  return arrival.at + (parts.elapsed() - began);
}

export function idsOf(recorder: CallRecorder, call: KnownCall, facts: CredentialFacts | undefined): DelegationIds {
  if (recorder.ids !== undefined && recorder.idsOf === facts) return recorder.ids;
  const ids: DelegationIds = {
    rootId: rootIdOf(recorder.trace, call),
    id: facts?.idHash ?? call.id,
    parentId: recorder.parts.ledger.idHash(call.subjectToken),
  };
  recorder.ids = ids;
  recorder.idsOf = facts;
  return ids;
}

/** postern.delegation.* with the id of the grant in `facts`. */
export function writeDelegation(
  to: AttributeWriter,
  recorder: CallRecorder,
  call: KnownCall,
  facts: CredentialFacts | undefined,
): void {
  const ids = writeId(to, recorder, call, facts);
  to.block(recorder.parts.delegation(call, ids));
}

/** The same, with what else follows from the grant: the user and the credential. */
export function writeGrant(
  to: AttributeWriter,
  span: GrantSpan,
  recorder: CallRecorder,
  call: KnownCall,
  facts: CredentialFacts | undefined,
): void {
  const ids = writeId(to, recorder, call, facts);
  recorder.parts.grant(to, span, call, facts, ids);
}

function writeId(
  to: AttributeWriter,
  recorder: CallRecorder,
  call: KnownCall,
  facts: CredentialFacts | undefined,
): DelegationIds {
  const ids = idsOf(recorder, call, facts);
  to.set('postern.delegation.id', ids.id);
  return ids;
}
