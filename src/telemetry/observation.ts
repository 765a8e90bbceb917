// Records one call while it happens: its exchanges, its attempts, its end. Notes only times and references on the way;
// names, attributes and records are made once, when a span or the call ends, and only where somebody will see them.
// Must never throw into a stage, hold back a byte, or record a call twice.

import type { Arrival, Observation } from '../call.ts';
import { type CallEnd, refusedEnd, repliedEnd } from './call-end.ts';
import { type CallRecorder, createCallRecorder, type ObservationParts } from './call-recorder.ts';
import { observeAttempt } from './observe-attempt.ts';
import { observeExchange } from './observe-exchange.ts';
import { isArmed, isKnown } from './reached.ts';
import type { SpanData, SpanLink } from './span-data.ts';
import { serverAttributes, serverSpanName } from './span-server.ts';

export function createObservation(arrival: Arrival, parts: ObservationParts): Observation {
  const { metrics, audit, guard } = parts;
  const recorder = createCallRecorder(arrival, parts);
  const { trace } = recorder;
  let ended = false;

  function conclude(end: CallEnd): void {
    const at = recorder.now();
    guard(() => trace.settle(end.call));
    guard(() => metrics.ended(end, end.reply && Math.max(0, end.durationMs - recorder.elsewhere)));
    guard(() => {
      const ids = isKnown(end.call) ? recorder.ids(end.call, factsOf(end.call)) : undefined;
      audit.call(end, { span: trace.span, ids });
    });
    guard(() => {
      const remarkable = end.decision !== 'allow' || end.errorType !== undefined;
      trace.conclude(() => serverSpan(end, arrival.at, at, recorder, parts), remarkable);
    });
  }

  function endOnce(make: (durationMs: number) => CallEnd): void {
    if (ended) return;
    ended = true;
    guard(() => conclude(make(recorder.now() - arrival.at)));
  }

  guard(() => metrics.arrived(arrival));
  return {
    get span() {
      return trace.span;
    },
    exchangeStarted(call, start) {
      guard(() => trace.settle(call));
      return observeExchange(call, start, recorder, parts);
    },
    attemptStarted(call, resend) {
      guard(() => trace.settle(call));
      return observeAttempt(call, resend, recorder, parts);
    },
    replied: (reply) => endOnce((durationMs) => repliedEnd(reply, durationMs)),
    refused: (reached, refusal) => endOnce((durationMs) => refusedEnd(reached, refusal, durationMs)),
  };
}

function serverSpan(
  end: CallEnd,
  start: number,
  at: number,
  recorder: CallRecorder,
  parts: ObservationParts,
): SpanData {
  const { trace } = recorder;
  const { call } = end;
  const known = isKnown(call) ? call : undefined;
  return {
    name: serverSpanName(end),
    kind: 'server',
    span: trace.span,
    parent: trace.parent,
    remoteParent: true,
    start,
    end: at,
    attributes: serverAttributes(end, {
      source: trace.source,
      delegation: known && recorder.delegation(known, factsOf(known)),
      user: known && parts.user(known),
    }),
    links: [...trace.links, ...cacheLinks(call)],
    failed: end.errorType !== undefined,
  };
}

/** A credential from the cache, or from another call's flight: linked to the exchange that issued it. */
function cacheLinks(call: Arrival): SpanLink[] {
  if (!isArmed(call) || (call.cache !== 'hit' && call.cache !== 'coalesced')) return [];
  const { issuedIn } = call.credential.facts;
  return issuedIn === undefined ? [] : [{ span: issuedIn, type: 'token_issued' }];
}

function factsOf(call: Arrival) {
  return isArmed(call) ? call.credential.facts : undefined;
}
