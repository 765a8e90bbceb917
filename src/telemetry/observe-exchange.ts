// Records one real round trip to an issuer: its span, its duration, and which token it brought, for later hops.
// Ends once, by success or failure. Must never see the token: only facts about it.

import type { CredentialFacts, ExchangeObservation, ExchangeStart, PermittedCall } from '../call.ts';
import type { CallRecorder, ObservationParts } from './call-recorder.ts';
import { type ExchangeEnd, exchangeAttributes, exchangeSpanName } from './span-exchange.ts';

export function observeExchange(
  call: PermittedCall,
  start: ExchangeStart,
  recorder: CallRecorder,
  { metrics, guard, ledger }: ObservationParts,
): ExchangeObservation {
  const { trace } = recorder;
  const parent = trace.span;
  const span = trace.child();
  const began = recorder.now();
  let ended = false;

  function finish(end: ExchangeEnd): void {
    if (ended) return;
    ended = true;
    const at = recorder.now();
    recorder.waited(at - began);
    metrics.exchanged(start, end, (at - began) / 1_000);
    if (end.facts !== undefined) ledger.issued(end.facts, span, trace.rootId(call));
    trace.finished(() => ({
      name: exchangeSpanName,
      kind: 'client',
      span,
      parent,
      remoteParent: false,
      start: began,
      end: at,
      attributes: exchangeAttributes(start, end, recorder.delegation(call, end.facts)),
      links: [],
      failed: end.facts === undefined,
    }));
  }

  return {
    span,
    traceparent: trace.traceparent(span),
    succeeded: (facts: CredentialFacts) => guard(() => finish({ facts })),
    failed: (refusal, oauthError) => guard(() => finish({ refusal, oauthError })),
  };
}
