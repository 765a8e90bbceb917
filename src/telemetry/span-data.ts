// One finished span, and its translation to what the SDK's batch processor and exporters take.
// Spans are written whole when they end: a call that is not exported costs two random ids and no attribute (perf.md B3).
// The SDK's limits are kept here, since its own span class is not in the way: value length, undefined values.

import { type Attributes, type HrTime, type Link, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import type { InstrumentationScope } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { SpanReference } from '../call.ts';

export interface SpanData {
  readonly name: string;
  readonly kind: 'server' | 'client';
  readonly span: SpanReference;
  readonly parent: SpanReference | undefined;
  /** Whether the parent is a span of another process. */
  readonly remoteParent: boolean;
  /** Milliseconds since the epoch, with fraction. */
  readonly start: number;
  readonly end: number;
  /** Undefined values are left out. */
  readonly attributes: Attributes;
  readonly links: readonly SpanLink[];
  readonly failed: boolean;
}

export interface SpanLink {
  readonly span: SpanReference;
  /** postern.link.type */
  readonly type: 'token_issued' | 'caller';
}

export interface SpanSurroundings {
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
  /** Longest string value, in characters. */
  readonly valueLength: number;
}

export function toReadableSpan(data: SpanData, surroundings: SpanSurroundings): ReadableSpan {
  const { traceId, spanId } = data.span;
  const context = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
  return {
    name: data.name,
    kind: data.kind === 'server' ? SpanKind.SERVER : SpanKind.CLIENT,
    spanContext: () => context,
    ...(data.parent === undefined ? {} : { parentSpanContext: { ...data.parent, isRemote: data.remoteParent } }),
    startTime: toHrTime(data.start),
    endTime: toHrTime(data.end),
    duration: toHrTime(Math.max(0, data.end - data.start)),
    status: { code: data.failed ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
    attributes: limited(data.attributes, surroundings.valueLength),
    links: data.links.map(toLink),
    events: [],
    ended: true,
    resource: surroundings.resource,
    instrumentationScope: surroundings.scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Milliseconds to [seconds, nanoseconds]. */
export function toHrTime(ms: number): HrTime {
  const seconds = Math.trunc(ms / 1_000);
  return [seconds, Math.trunc((ms - seconds * 1_000) * 1e6)];
}

function toLink({ span, type }: SpanLink): Link {
  return { context: { ...span, isRemote: true }, attributes: { 'postern.link.type': type } };
}

function limited(attributes: Attributes, length: number): Attributes {
  const kept: Attributes = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    if (typeof value === 'string') kept[name] = value.slice(0, length);
    else if (Array.isArray(value)) kept[name] = value.map((item) => String(item).slice(0, length));
    else kept[name] = value;
  }
  return kept;
}
