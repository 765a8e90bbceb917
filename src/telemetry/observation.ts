// Records one call while it happens: its exchanges, its attempts, its end. Notes only times and references on the way;
// names, attributes and records are made once, when a span or the call ends, and only where somebody will see them.
// Must never throw into a stage, hold back a byte, or record a call twice.

import type { Refusal } from '../base/errors.ts';
import type {
  ArmedCall,
  Arrival,
  AttemptObservation,
  ExchangeObservation,
  ExchangeStart,
  Observation,
  PermittedCall,
  Reply,
} from '../call.ts';
import type { SpanReference } from '../credential.ts';
import { isArmed, isKnown } from '../reached.ts';
import { type CallEnd, refusedEnd, repliedEnd } from './call-end.ts';
import { type CallRecorder, idsOf, nowOf, type ObservationParts, writeGrant } from './call-recorder.ts';
import { concludeTrace, openTrace, settleTrace } from './call-trace.ts';
import { observeAttempt } from './observe-attempt.ts';
import { observeExchange } from './observe-exchange.ts';
import type { SpanData, SpanLink } from './span-data.ts';
import { serverSpanName, writeServerAttributes } from './span-server.ts';

/** An observation of our own: it also hears of a decision, for the audit record that may have to come before the call. */
export interface CallObservation extends Observation {
  /** Throws, unlike the others: a call may have to stop without its record. @returns false when it was not taken */
  permitted(call: PermittedCall): boolean;
}

export function isCallObservation(observation: Observation): observation is CallObservation {
  return 'permitted' in observation;
}

/**
 * The observation of one call and what it has noted, in one object whose methods are the functions below and take it as `this`.
 * As closures they were made anew for every call, with all that they shared: 1.1 KB of it instead of 0.2. No getters: ADR 11.
 */
interface CallRecord extends CallRecorder, CallObservation {
  span: SpanReference;
  ended: boolean;
}

export function createObservation(arrival: Arrival, parts: ObservationParts): CallObservation {
  const trace = openTrace(arrival, parts);
  const record: CallRecord = {
    arrival,
    parts,
    trace,
    span: trace.span,
    began: parts.elapsed(),
    elsewhere: 0,
    ids: undefined,
    idsOf: undefined,
    ended: false,
    permitted,
    exchangeStarted,
    attemptStarted,
    replied,
    refused,
  };
  try {
    parts.metrics.arrived(arrival);
  } catch (failure) {
    parts.faulted(failure);
  }
  return record;
}

function permitted(this: CallRecord, call: PermittedCall): boolean {
  settle(this, call);
  return this.parts.audit.permitted(call, { span: this.span, ids: idsOf(this, call, undefined) });
}

function exchangeStarted(this: CallRecord, call: PermittedCall, start: ExchangeStart): ExchangeObservation {
  settle(this, call);
  return observeExchange(call, start, this);
}

function attemptStarted(this: CallRecord, call: ArmedCall, resend: number): AttemptObservation {
  settle(this, call);
  return observeAttempt(call, resend, this);
}

function replied(this: CallRecord, reply: Reply): void {
  if (this.ended) return;
  this.ended = true;
  const at = nowOf(this);
  conclude(this, repliedEnd(reply, at - this.arrival.at), at);
}

function refused(this: CallRecord, reached: Arrival, refusal: Refusal): void {
  if (this.ended) return;
  this.ended = true;
  const at = nowOf(this);
  conclude(this, refusedEnd(reached, refusal, at - this.arrival.at), at);
}

function settle(record: CallRecord, call: Arrival): void {
  const { trace, parts } = record;
  if (trace.settled) return;
  try {
    settleTrace(trace, call);
  } catch (failure) {
    parts.faulted(failure);
  }
  record.span = trace.span;
}

/** Metrics, the audit log and traces are told one after the other: what fails in one is missing in that one only. */
function conclude(record: CallRecord, end: CallEnd, at: number): void {
  const { parts, trace } = record;
  settle(record, end.call);
  try {
    parts.metrics.ended(end, end.reply && Math.max(0, end.durationMs - record.elsewhere));
  } catch (failure) {
    parts.faulted(failure);
  }
  try {
    const ids = isKnown(end.call) ? idsOf(record, end.call, factsOf(end.call)) : undefined;
    parts.audit.ended(end, { span: trace.span, ids });
  } catch (failure) {
    parts.faulted(failure);
  }
  try {
    const remarkable = end.decision !== 'allow' || end.errorType !== undefined;
    if (concludeTrace(trace, remarkable)) parts.write?.(serverSpan(end, at, record));
  } catch (failure) {
    parts.faulted(failure);
  }
}

function serverSpan(end: CallEnd, at: number, record: CallRecord): SpanData {
  const { trace, arrival } = record;
  const { call } = end;
  const known = isKnown(call) ? call : undefined;
  return {
    name: serverSpanName(end),
    kind: 'server',
    span: trace.span,
    parent: trace.parent,
    remoteParent: true,
    start: arrival.at,
    end: at,
    attributes(to) {
      writeServerAttributes(to, end, trace.source);
      if (known !== undefined) writeGrant(to, 'server', record, known, factsOf(known));
    },
    links: linksOf(trace.links, call),
    failed: end.errorType !== undefined,
  };
}

/** A credential from the cache, or from another call's flight: linked to the exchange that issued it. */
function linksOf(links: readonly SpanLink[], call: Arrival): readonly SpanLink[] {
  if (!isArmed(call) || (call.cache !== 'hit' && call.cache !== 'coalesced')) return links;
  const { issuedIn } = call.credential.facts;
  return issuedIn === undefined ? links : [...links, { span: issuedIn, type: 'token_issued' }];
}

function factsOf(call: Arrival) {
  return isArmed(call) ? call.credential.facts : undefined;
}
