// Records one attempt at the upstream: head, first byte, end, and token usage where the span will be seen.
// Bytes pass by: nothing is held, changed or waited for. Ends once, with the last byte or the failure.

import type { ArmedCall, AttemptObservation } from '../call.ts';
import { type CallRecorder, delegationOf, nowOf } from './call-recorder.ts';
import { childOf, finishSpan, traceparentOf } from './call-trace.ts';
import { type AttemptEnd, attemptError, attemptSpanName, writeAttemptAttributes } from './span-attempt.ts';
import { isSampled } from './trace-context.ts';
import { createUsageReader, isEventStream, type UsageReader } from './usage.ts';

export function observeAttempt(call: ArmedCall, resend: number, recorder: CallRecorder): AttemptObservation {
  const { trace, parts } = recorder;
  const { metrics, guard } = parts;
  const parent = trace.span;
  const span = childOf(trace);
  const began = nowOf(recorder);
  /** Model APIs and MCP answer in forms that tell something; other bodies are nobody's business. */
  const readable =
    call.transport.kind === 'http' && (call.route.provider !== undefined || call.route.dialect === 'mcp');
  let status: number | undefined;
  let headAt: number | undefined;
  let awaitingFirst = false;
  let firstChunk: number | undefined;
  let reader: UsageReader | undefined;
  let ended = false;

  function noteFirst(): void {
    awaitingFirst = false;
    firstChunk = (nowOf(recorder) - began) / 1_000;
    if (call.route.provider !== undefined) metrics.firstChunk(call, firstChunk);
  }

  function finish(end: Omit<AttemptEnd, 'status' | 'usage' | 'firstChunk'>): void {
    if (ended) return;
    ended = true;
    const at = nowOf(recorder);
    recorder.elsewhere += at - began;
    const whole: AttemptEnd = { ...end, status, firstChunk, usage: reader?.end() };
    reader = undefined;
    metrics.attempted(call, whole, ((headAt ?? at) - began) / 1_000);
    finishSpan(trace, () => ({
      name: attemptSpanName(call),
      kind: 'client',
      span,
      parent,
      remoteParent: false,
      start: began,
      end: at,
      attributes: (to) =>
        writeAttemptAttributes(to, call, resend, whole, delegationOf(recorder, call, call.credential.facts)),
      links: [],
      failed: attemptError(whole) !== undefined || whole.usage?.rpcError !== undefined,
    }));
  }

  guard(() => metrics.used(call));
  return {
    traceparent: traceparentOf(trace, span),
    responded: (code, headers) =>
      guard(() => {
        status = code;
        headAt = nowOf(recorder);
        if (!readable) return;
        awaitingFirst = isEventStream(headers);
        if (isSampled(trace.span)) reader = createUsageReader(headers);
      }),
    passed(chunk) {
      if (awaitingFirst) guard(noteFirst);
      if (reader === undefined) return;
      // As `guard`, without a function made for each event.
      try {
        reader.passed(chunk);
      } catch (failure) {
        reader = undefined;
        guard(() => {
          throw failure;
        });
      }
    },
    ended: (end, failure) => guard(() => finish({ end, failure })),
  };
}
