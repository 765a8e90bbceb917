// Records one call while it happens: its exchanges, its attempts, its end. Notes only times and references on the way;
// names, attributes and records are made once, when a span or the call ends, and only where somebody will see them.
// Must never throw into a stage, hold back a byte, or record a call twice.

import type { Arrival, Observation, PermittedCall } from '../call.ts';
import { isArmed, isKnown } from '../reached.ts';
import { type CallEnd, refusedEnd, repliedEnd } from './call-end.ts';
import {
  type CallRecorder,
  createCallRecorder,
  delegationOf,
  idsOf,
  nowOf,
  type ObservationParts,
} from './call-recorder.ts';
import { concludeTrace, settleTrace } from './call-trace.ts';
import { observeAttempt } from './observe-attempt.ts';
import { observeExchange } from './observe-exchange.ts';
import type { SpanData, SpanLink } from './span-data.ts';
import { serverSpanName, writeServerAttributes } from './span-server.ts';

/** An observation of our own: it also hears of a decision, for the audit record that may have to come before the call. */
export interface CallObservation extends Observation {
  /** Throws, unlike the others: a call may have to stop without its record. @returns false when it was not taken */
  permitted(call: PermittedCall): boolean;
}

export function isCallObservation(observation: Observation): observation is CallObservation {
  return 'permitted' in observation;
}

export function createObservation(arrival: Arrival, parts: ObservationParts): CallObservation {
  const { metrics, audit, guard } = parts;
  const recorder = createCallRecorder(arrival, parts);
  const { trace } = recorder;
  let ended = false;

  function settle(call: Arrival): void {
    guard(() => settleTrace(trace, call));
    observation.span = trace.span;
  }

  function conclude(end: CallEnd): void {
    const at = nowOf(recorder);
    settle(end.call);
    guard(() => metrics.ended(end, end.reply && Math.max(0, end.durationMs - recorder.elsewhere)));
    guard(() => {
      const ids = isKnown(end.call) ? idsOf(recorder, end.call, factsOf(end.call)) : undefined;
      audit.ended(end, { span: trace.span, ids });
    });
    guard(() => {
      const remarkable = end.decision !== 'allow' || end.errorType !== undefined;
      concludeTrace(trace, () => serverSpan(end, at, recorder), remarkable);
    });
  }

  function endOnce(make: (durationMs: number) => CallEnd): void {
    if (ended) return;
    ended = true;
    guard(() => conclude(make(nowOf(recorder) - arrival.at)));
  }

  guard(() => metrics.arrived(arrival));
  // No getter: see docs/adr/0011.
  const observation: Mutable<CallObservation> = {
    span: trace.span,
    permitted(call) {
      settle(call);
      return audit.permitted(call, { span: trace.span, ids: idsOf(recorder, call, undefined) });
    },
    exchangeStarted(call, start) {
      settle(call);
      return observeExchange(call, start, recorder);
    },
    attemptStarted(call, resend) {
      settle(call);
      return observeAttempt(call, resend, recorder);
    },
    replied: (reply) => endOnce((durationMs) => repliedEnd(reply, durationMs)),
    refused: (reached, refusal) => endOnce((durationMs) => refusedEnd(reached, refusal, durationMs)),
  };
  return observation;
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

function serverSpan(end: CallEnd, at: number, recorder: CallRecorder): SpanData {
  const { trace, parts, arrival } = recorder;
  const { call } = end;
  const known = isKnown(call) ? call : undefined;
  return {
    name: serverSpanName(end),
    kind: 'server',
    span: trace.span,
    parent: trace.parent,
    remoteParent: true,
    start: arrival.at,
    end: at,
    attributes: (to) =>
      writeServerAttributes(to, end, {
        source: trace.source,
        delegation: known && delegationOf(recorder, known, factsOf(known)),
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
