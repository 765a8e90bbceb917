// W3C Trace Context: reads the caller's `traceparent` strictly, writes ours.
// The inbound header is an untrusted hint: it may join spans together, it never says who is calling.
// Must never pass on `tracestate` or `baggage`: both can carry data to third parties.

import type { RawHeaders } from '../call.ts';
import type { SpanReference } from '../credential.ts';

/** Length of a version 00 traceparent: 2 + 1 + 32 + 1 + 16 + 1 + 2 (Trace Context section 3.2.2). */
const length = 55;

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-|$)/;

/** Longest header looked at; later versions may append fields, nobody may make us scan much. */
const maxLength = 256;

const sampledFlag = 1;

/**
 * The caller's span, if the request has exactly one well-formed `traceparent` header.
 * @returns undefined for none, several, or a malformed one: Trace Context section 4.3 says to start a new trace then.
 */
export function readTraceparent(rawHeaders: RawHeaders): SpanReference | undefined {
  let found: string | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length !== 11 || name.toLowerCase() !== 'traceparent') continue;
    if (found !== undefined) return undefined;
    found = rawHeaders[at + 1];
  }
  return found === undefined ? undefined : parseTraceparent(found);
}

/** Section 3.2.2: lower-case hex only, version ff and all-zero ids invalid, nothing after the flags in version 00. */
export function parseTraceparent(text: string): SpanReference | undefined {
  if (text.length < length || text.length > maxLength) return undefined;
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, version, traceId, spanId, flags] = match;
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === 'ff' || (version === '00' && text.length !== length)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & sampledFlag };
}

/** The one header an outgoing request carries. */
export function formatTraceparent(span: SpanReference): string {
  return `00-${span.traceId}-${span.spanId}${isSampled(span) ? '-01' : '-00'}`;
}

export function isSampled(span: SpanReference): boolean {
  return (span.traceFlags & sampledFlag) !== 0;
}
