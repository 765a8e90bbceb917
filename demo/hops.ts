// Joins what each side saw of a hop: the gate's audit record, its spans, and what the upstream verified on arrival.
// The joint is the trace: the upstream got the id of the gate's CLIENT span, whose parent is the span of the audit record.

import type { DecodedSpan } from './collector.ts';
import type { Fact } from './upstreams/facts.ts';
import type { AuditRecord } from './world.ts';

export interface Hop {
  readonly record: AuditRecord;
  /** What the upstream received; undefined for a call that was refused. */
  readonly received: Fact | undefined;
}

export function joinHops(
  records: readonly AuditRecord[],
  spans: readonly DecodedSpan[],
  facts: readonly Fact[],
): readonly Hop[] {
  const parents = new Map(spans.map(({ spanId, parentSpanId }) => [spanId, parentSpanId]));
  const begun = new Map(spans.map(({ spanId, start }) => [spanId, start]));
  const arrived = new Map(facts.map((fact) => [parents.get(fact.traceparent?.split('-')[2] ?? ''), fact]));
  const at = ({ span_id }: AuditRecord) => begun.get(span_id) ?? 0;
  // Records are written when a call ends; people follow calls as they began.
  return records.toSorted((a, b) => at(a) - at(b)).map((record) => ({ record, received: arrived.get(record.span_id) }));
}

/** `planner -> openai chat`: who called what. */
export function nameOf({ record }: Hop): string {
  const caller = record.caller?.sub.replace(/^agent:/, '') ?? '?';
  return `${caller} -> ${[record.route, record.tool ?? record.model ?? record.operation].filter(Boolean).join(' ')}`;
}
