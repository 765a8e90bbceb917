// The trace of one call: its ids, its parent, whether its spans are exported, and which are still waiting for that to be known.
// Sampling is decided at arrival; a call that is denied or fails is promoted at its end with all its spans.
// An unsampled call builds no attributes: spans wait as functions and are dropped unasked.

import type { Arrival, KnownCall, SpanReference } from '../call.ts';
import type { IssuedTrace, Ledger } from './correlation.ts';
import { isKnown } from './reached.ts';
import type { Sample, Sampling } from './sampling.ts';
import type { TelemetryConfig } from './schema.ts';
import type { SpanData, SpanLink } from './span-data.ts';
import { formatTraceparent, readTraceparent } from './trace-context.ts';

/** Spans kept waiting for the end of an unsampled call; stops a call with endless attempts from holding memory. */
const maxWaiting = 32;

export type ParentSource = 'traceparent' | 'token' | 'none';

export interface CallTrace {
  readonly span: SpanReference;
  readonly parent: SpanReference | undefined;
  readonly source: ParentSource;
  readonly links: readonly SpanLink[];
  /** The call is known from here on: finds out whether its token was issued by this gate. */
  settle(call: Arrival): void;
  rootId(call: KnownCall): string;
  child(): SpanReference;
  /** Trace context to send with the request that `child` describes. */
  traceparent(child: SpanReference): string;
  finished(build: () => SpanData): void;
  /** The call has ended: its own span is the last. */
  conclude(build: () => SpanData, promote: boolean): void;
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

export function openTrace(arrival: Arrival, parts: TraceParts): CallTrace {
  const { write, sampling } = parts;
  const callers = sampling.parent === 'ignore' ? undefined : readTraceparent(arrival.rawHeaders);
  const links: SpanLink[] =
    callers !== undefined && sampling.parent === 'link' ? [{ span: callers, type: 'caller' }] : [];
  let parent = sampling.parent === 'trust' ? callers : undefined;
  let source: ParentSource = parent === undefined ? 'none' : 'traceparent';
  let span = start(parent);
  let issued: IssuedTrace | undefined;
  let settled = false;
  let waiting: (() => SpanData)[] | undefined = [];
  let exported = isExported();

  function start(from: SpanReference | undefined): SpanReference {
    const traceId = from?.traceId ?? parts.newTraceId();
    const sampled = write !== undefined && parts.sample(traceId, from);
    return { traceId, spanId: parts.newSpanId(), traceFlags: sampled ? 1 : 0 };
  }

  function isExported(): boolean {
    return write !== undefined && span.traceFlags === 1;
  }

  return {
    get span() {
      return span;
    },
    get parent() {
      return parent;
    },
    get source() {
      return source;
    },
    links,

    settle(call) {
      if (settled || !isKnown(call)) return;
      settled = true;
      issued = parts.adopt === 'none' ? undefined : parts.ledger.find(call);
      if (issued === undefined || issued.span.traceId === span.traceId) return;
      if (parts.adopt === 'parent' && source === 'none') {
        parent = issued.span;
        source = 'token';
        span = { ...start(parent), spanId: span.spanId };
        exported = isExported();
      } else {
        links.push({ span: issued.span, type: 'token_issued' });
      }
    },

    // A transaction's own id is stated by its issuer; the ledger only knows hops this process has seen.
    rootId: (call) => (call.subjectToken.txn === undefined ? issued?.rootId : undefined) ?? call.chain.rootId,

    child: () => ({ ...span, spanId: parts.newSpanId() }),

    // Nothing is recorded here, so our ids would leave a hole in the caller's trace: pass its own on.
    traceparent: (child) => formatTraceparent(write === undefined && parent !== undefined ? parent : child),

    finished(build) {
      if (exported) write?.(build());
      else if (write !== undefined && waiting !== undefined && waiting.length < maxWaiting) waiting.push(build);
    },

    conclude(build, promote) {
      const spans = waiting ?? [];
      waiting = undefined;
      exported ||= write !== undefined && promote && sampling.promote;
      if (!exported) return;
      for (const waited of spans) write?.(waited());
      write?.(build());
    },
  };
}
