// The trace of one call: its ids, its parent, whether its spans are exported, and which are still waiting for that to be known.
// Sampling is decided at arrival; a call that is denied or fails is promoted at its end with all its spans.
// An unsampled call builds no attributes: spans wait as functions and are dropped unasked.

import type { Arrival, KnownCall } from '../call.ts';
import type { SpanReference } from '../credential.ts';
import { isKnown } from '../reached.ts';
import type { IssuedTrace, Ledger } from './correlation.ts';
import type { Sample, Sampling } from './sampling.ts';
import type { TelemetryConfig } from './schema.ts';
import type { SpanData, SpanLink } from './span-data.ts';
import { formatTraceparent, readTraceparent } from './trace-context.ts';

/** Something whose span is written from it once that has to be: it waits as what it is anyway, no closure is made for it. */
export interface Spanned {
  spanData(): SpanData;
}

/** Spans kept waiting for the end of an unsampled call; stops a call with endless attempts from holding memory. */
const maxWaiting = 32;

export type ParentSource = 'traceparent' | 'token' | 'none';

/** A record and functions over it, since every call has one: methods of its own would be made anew for each. */
export interface CallTrace {
  readonly parts: TraceParts;
  span: SpanReference;
  parent: SpanReference | undefined;
  source: ParentSource;
  links: readonly SpanLink[];
  exported: boolean;
  /** Spans of a call that is not exported, as long as it may still be promoted. */
  waiting: Spanned[] | undefined;
  settled: boolean;
  issued: IssuedTrace | undefined;
}

export interface TraceParts {
  /** Takes a span for export; undefined when spans go nowhere. */
  readonly write: ((span: SpanData) => void) | undefined;
  readonly newTraceId: () => string;
  readonly newSpanId: () => string;
  readonly sample: Sample;
  readonly sampling: Sampling;
  readonly adopt: TelemetryConfig['correlation']['adopt'];
  readonly ledger: Ledger;
}

const noLinks: readonly SpanLink[] = [];

export function openTrace(arrival: Arrival, parts: TraceParts): CallTrace {
  const { parent: worth } = parts.sampling;
  const callers = worth === 'ignore' ? undefined : readTraceparent(arrival.rawHeaders);
  const parent = worth === 'trust' ? callers : undefined;
  const span = start(parts, parent);
  return {
    parts,
    span,
    parent,
    source: parent === undefined ? 'none' : 'traceparent',
    links: callers !== undefined && worth === 'link' ? [{ span: callers, type: 'caller' }] : noLinks,
    exported: isExported(parts, span),
    waiting: undefined,
    settled: false,
    issued: undefined,
  };
}

function start(parts: TraceParts, from: SpanReference | undefined): SpanReference {
  const traceId = from?.traceId ?? parts.newTraceId();
  // Also where nothing is exported from here: the flag tells the upstream whether the trace is worth recording.
  const sampled = parts.sample(traceId, from);
  return { traceId, spanId: parts.newSpanId(), traceFlags: sampled ? 1 : 0 };
}

function isExported({ write }: TraceParts, { traceFlags }: SpanReference): boolean {
  return write !== undefined && traceFlags === 1;
}

/** The call is known from here on: finds out whether its token was issued by this gate. */
export function settleTrace(trace: CallTrace, call: Arrival): void {
  if (trace.settled || !isKnown(call)) return;
  trace.settled = true;
  const { parts } = trace;
  if (parts.adopt === 'none') return;
  const issued = parts.ledger.find(call);
  trace.issued = issued;
  if (issued === undefined || issued.span.traceId === trace.span.traceId) return;
  if (parts.adopt === 'parent' && trace.source === 'none') {
    trace.parent = issued.span;
    trace.source = 'token';
    trace.span = { ...start(parts, issued.span), spanId: trace.span.spanId };
    trace.exported = isExported(parts, trace.span);
  } else {
    trace.links = [...trace.links, { span: issued.span, type: 'token_issued' }];
  }
}

/** A transaction's own id is stated by its issuer; the ledger only knows hops this process has seen. */
export function rootIdOf({ issued }: CallTrace, { subjectToken, chain }: KnownCall): string {
  return (subjectToken.txn === undefined ? issued?.rootId : undefined) ?? chain.rootId;
}

export function childOf({ span, parts }: CallTrace): SpanReference {
  return { traceId: span.traceId, spanId: parts.newSpanId(), traceFlags: span.traceFlags };
}

/**
 * Trace context to send with the request that `child` describes. Where nothing is recorded here our ids would leave a hole in
 * the caller's trace: its own is passed on.
 */
export function traceparentOf({ parent, parts }: CallTrace, child: SpanReference): string {
  return formatTraceparent(parts.write === undefined && parent !== undefined ? parent : child);
}

/** A span other than the call's own has ended. */
export function finishSpan(trace: CallTrace, ended: Spanned): void {
  const { write, sampling } = trace.parts;
  if (trace.exported) write?.(ended.spanData());
  else if (write !== undefined && sampling.promote) {
    // Of one to begin with: an empty list that is added to takes room for seventeen.
    if (trace.waiting === undefined) trace.waiting = [ended];
    else if (trace.waiting.length < maxWaiting) trace.waiting.push(ended);
  }
}

/**
 * The call has ended.
 * @param remarkable whether it is worth promoting
 * @returns whether its own span, the last one, is to be written
 */
export function concludeTrace(trace: CallTrace, remarkable: boolean): boolean {
  const { write, sampling } = trace.parts;
  const spans = trace.waiting;
  trace.waiting = undefined;
  trace.exported ||= write !== undefined && remarkable && sampling.promote;
  if (trace.exported && spans !== undefined) for (const waited of spans) write?.(waited.spanData());
  return trace.exported;
}
