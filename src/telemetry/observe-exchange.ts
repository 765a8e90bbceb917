// Records one real round trip to an issuer: its span, its duration, its audit record, and which token it brought, for later
// hops.
// Ends once, by success or failure. Must never see the token: only facts about it.

import type { ExchangeObservation, ExchangeStart, PermittedCall } from '../call.ts';
import type { CredentialFacts } from '../credential.ts';
import { type CallRecorder, idsOf, nowOf, writeDelegation } from './call-recorder.ts';
import { childOf, finishSpan, rootIdOf, traceparentOf } from './call-trace.ts';
import type { SpanData } from './span-data.ts';
import {
  type ExchangeEnd,
  exchangeOutcome,
  exchangeSpanName,
  oauthErrorOf,
  writeExchangeAttributes,
} from './span-exchange.ts';

export function observeExchange(
  call: PermittedCall,
  planned: ExchangeStart,
  recorder: CallRecorder,
): ExchangeObservation {
  const { trace, parts } = recorder;
  const { metrics, audit, ledger } = parts;
  const parent = trace.span;
  const span = childOf(trace);
  const began = nowOf(recorder);
  let start = planned;
  let ended = false;

  function finish(end: ExchangeEnd): void {
    const at = nowOf(recorder);
    recorder.elsewhere += at - began;
    metrics.exchanged(start, end, (at - began) / 1_000);
    const { facts, refusal } = end;
    const made = { call, start, outcome: exchangeOutcome(end), facts, refusal, oauthError: oauthErrorOf(end) };
    try {
      audit.exchanged({ ...made, durationMs: at - began }, { span, ids: idsOf(recorder, call, end.facts) });
    } catch (failure) {
      parts.faulted(failure);
    }
    if (end.facts !== undefined) ledger.issued(end.facts, span, rootIdOf(trace, call));
    finishSpan(trace, { spanData: () => spanData(end, at) });
  }

  function spanData(end: ExchangeEnd, at: number): SpanData {
    return {
      name: exchangeSpanName,
      kind: 'client',
      span,
      parent,
      remoteParent: false,
      start: began,
      end: at,
      attributes(to) {
        writeExchangeAttributes(to, start, end);
        writeDelegation(to, recorder, call, end.facts);
      },
      links: [],
      failed: end.facts === undefined,
    };
  }

  function finishOnce(end: ExchangeEnd): void {
    if (ended) return;
    ended = true;
    try {
      finish(end);
    } catch (failure) {
      parts.faulted(failure);
    }
  }

  return {
    span,
    traceparent: traceparentOf(trace, span),
    asked(endpoint) {
      start = { ...planned, endpoint };
    },
    succeeded: (facts: CredentialFacts) => finishOnce({ facts }),
    failed: (refusal, oauthError) => finishOnce({ refusal, oauthError }),
  };
}
