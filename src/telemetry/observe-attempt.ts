// Records one attempt at the upstream: head, first byte, end, and token usage where the span will be seen.
// Bytes pass by: nothing is held, changed or waited for. Ends once, with the last byte or the failure.

import type { Refusal } from '../base/errors.ts';
import type { ArmedCall, AttemptObservation, RawHeaders, StreamEnd } from '../call.ts';
import type { SpanReference } from '../credential.ts';
import { type CallRecorder, nowOf, writeGrant } from './call-recorder.ts';
import { childOf, finishSpan, type Spanned, traceparentOf } from './call-trace.ts';
import { type AttemptEnd, attemptError, attemptSpanName, writeAttemptAttributes } from './span-attempt.ts';
import type { SpanData } from './span-data.ts';
import { isSampled } from './trace-context.ts';
import { createUsageReader, isEventStream, type UsageReader } from './usage.ts';

/** What was noted of an attempt, and its observation: methods that take it as `this`, as those of the call (observation.ts). */
interface AttemptRecord extends AttemptObservation, Spanned {
  readonly call: ArmedCall;
  readonly recorder: CallRecorder;
  readonly resend: number;
  readonly span: SpanReference;
  readonly parent: SpanReference;
  /** As all times here in milliseconds since the epoch. */
  readonly began: number;
  status: number | undefined;
  headAt: number | undefined;
  awaitingFirst: boolean;
  firstChunk: number | undefined;
  reader: UsageReader | undefined;
  done: boolean;
  end: AttemptEnd;
  endedAt: number;
}

const underWay: AttemptEnd = {
  end: 'upstream_error',
  status: undefined,
  failure: undefined,
  usage: undefined,
  firstChunk: undefined,
};

export function observeAttempt(call: ArmedCall, resend: number, recorder: CallRecorder): AttemptObservation {
  const { trace, parts } = recorder;
  const span = childOf(trace);
  const began = nowOf(recorder);
  try {
    parts.metrics.used(call, began);
  } catch (failure) {
    parts.faulted(failure);
  }
  const record: AttemptRecord = {
    traceparent: traceparentOf(trace, span),
    call,
    recorder,
    resend,
    span,
    parent: trace.span,
    began,
    status: undefined,
    headAt: undefined,
    awaitingFirst: false,
    firstChunk: undefined,
    reader: undefined,
    done: false,
    end: underWay,
    endedAt: began,
    responded,
    passed,
    ended,
    spanData,
  };
  return record;
}

function responded(this: AttemptRecord, code: number, headers: RawHeaders): void {
  try {
    this.status = code;
    this.headAt = nowOf(this.recorder);
    if (!isReadable(this.call)) return;
    if (isSampled(this.recorder.trace.span)) this.reader = createUsageReader(headers);
    this.awaitingFirst = isEventStream(headers);
  } catch (failure) {
    this.recorder.parts.faulted(failure);
  }
}

/** Model APIs and MCP answer in forms that tell something; other bodies are nobody's business. */
function isReadable({ transport, route }: ArmedCall): boolean {
  return transport.kind === 'http' && (route.provider !== undefined || route.dialect === 'mcp');
}

function passed(this: AttemptRecord, chunk: Buffer): void {
  if (!this.awaitingFirst && this.reader === undefined) return;
  try {
    if (this.awaitingFirst) noteFirst(this);
    this.reader?.passed(chunk);
  } catch (failure) {
    this.reader = undefined;
    this.recorder.parts.faulted(failure);
  }
}

function noteFirst(record: AttemptRecord): void {
  const { call, recorder } = record;
  record.awaitingFirst = false;
  record.firstChunk = (nowOf(recorder) - record.began) / 1_000;
  if (call.route.provider !== undefined) recorder.parts.metrics.firstChunk(call, record.firstChunk);
}

function ended(this: AttemptRecord, end: StreamEnd, failure?: Refusal): void {
  if (this.done) return;
  this.done = true;
  try {
    finish(this, end, failure);
  } catch (fault) {
    this.recorder.parts.faulted(fault);
  }
}

function finish(record: AttemptRecord, end: StreamEnd, failure: Refusal | undefined): void {
  const { call, recorder, began, status, firstChunk, reader } = record;
  const at = nowOf(recorder);
  recorder.elsewhere += at - began;
  record.endedAt = at;
  record.reader = undefined;
  record.end = { end, failure, status, firstChunk, usage: reader?.end() };
  recorder.parts.metrics.attempted(call, record.end, ((record.headAt ?? at) - began) / 1_000);
  finishSpan(recorder.trace, record);
}

function spanData(this: AttemptRecord): SpanData {
  const { call, recorder, resend, end } = this;
  return {
    name: attemptSpanName(call),
    kind: 'client',
    span: this.span,
    parent: this.parent,
    remoteParent: false,
    start: this.began,
    end: this.endedAt,
    attributes(to) {
      writeAttemptAttributes(to, call, resend, end);
      writeGrant(to, 'attempt', recorder, call, call.credential.facts);
    },
    links: [],
    failed: attemptError(end) !== undefined || end.usage?.rpcError !== undefined,
  };
}
