// Records one attempt at the upstream: head, first byte, end, and token usage where the span will be seen.
// Bytes pass by: nothing is held, changed or waited for. Ends once, with the last byte or the failure.

import type { ArmedCall, AttemptObservation } from '../call.ts';
import type { CallRecorder, ObservationParts } from './call-recorder.ts';
import { type AttemptEnd, attemptAttributes, attemptError, attemptSpanName } from './span-attempt.ts';
import { isSampled } from './trace-context.ts';
import { createUsageReader, isEventStream, type UsageReader } from './usage.ts';

export function observeAttempt(
  call: ArmedCall,
  resend: number,
  recorder: CallRecorder,
  { metrics, guard }: ObservationParts,
): AttemptObservation {
  const { trace } = recorder;
  const parent = trace.span;
  const span = trace.child();
  const began = recorder.now();
  /** Model APIs and MCP answer in forms that tell something; other bodies are nobody's business. */
  const readable =
    call.transport.kind === 'http' && (call.route.provider !== undefined || call.route.dialect === 'mcp');
  let status: number | undefined;
  let headAt: number | undefined;
  let awaitingFirst = false;
  let firstChunk: number | undefined;
  let reader: UsageReader | undefined;
  let ended = false;

  function note(chunk: Buffer): void {
    if (awaitingFirst) {
      awaitingFirst = false;
      firstChunk = (recorder.now() - began) / 1_000;
      if (call.route.provider !== undefined) metrics.firstChunk(call, firstChunk);
    }
    reader?.passed(chunk);
  }

  function finish(end: Omit<AttemptEnd, 'status' | 'usage' | 'firstChunk'>): void {
    if (ended) return;
    ended = true;
    const at = recorder.now();
    recorder.waited(at - began);
    const whole: AttemptEnd = { ...end, status, firstChunk, usage: reader?.end() };
    reader = undefined;
    metrics.attempted(call, whole, ((headAt ?? at) - began) / 1_000);
    trace.finished(() => ({
      name: attemptSpanName(call),
      kind: 'client',
      span,
      parent,
      remoteParent: false,
      start: began,
      end: at,
      attributes: attemptAttributes(call, resend, whole, recorder.delegation(call, call.credential.facts)),
      links: [],
      failed: attemptError(whole) !== undefined || whole.usage?.rpcError !== undefined,
    }));
  }

  guard(() => metrics.used(call));
  return {
    traceparent: trace.traceparent(span),
    responded: (code, headers) =>
      guard(() => {
        status = code;
        headAt = recorder.now();
        if (!readable) return;
        awaitingFirst = isEventStream(headers);
        if (isSampled(trace.span)) reader = createUsageReader(headers);
      }),
    passed(chunk) {
      if (awaitingFirst || reader !== undefined) guard(() => note(chunk));
    },
    ended: (end, failure) => guard(() => finish({ end, failure })),
  };
}
