// What is measured of a call: one verb for each thing that happens. Metrics are never sampled.
// Also collects what other parts count themselves or know the value of, at the moment they are asked for.

import type { MetricData } from '@opentelemetry/sdk-metrics';
import type { Clock, Log } from '../base/ports.ts';
import { serverAddress } from '../base/upstream-address.ts';
import type { ArmedCall, Arrival, ExchangeStart } from '../call.ts';
import { isArmed, isKnown, isRouted, methodOf, schemeOf } from '../reached.ts';
import type { CallEnd } from './call-end.ts';
import { createCallSeries } from './call-series.ts';
import { createInstruments, type Instrument, type Labels, tally } from './instruments.ts';
import { metricDefinitions, type WatchedGauge } from './metric-definitions.ts';
import { type AttemptEnd, attemptError, genAiOperation } from './span-attempt.ts';
import { type ExchangeEnd, exchangeOutcome, oauthErrorOf } from './span-exchange.ts';

/** The values now, of a counter since the start: one for each combination of labels. */
export type ReadGauge = () => Iterable<{ readonly value: number; readonly labels: Labels }>;

export interface Metrics {
  arrived(call: Arrival): void;
  /** @param overheadMs undefined where upstream time is not known to be over (a refused call) */
  ended(end: CallEnd, overheadMs: number | undefined): void;
  /** A credential is put on a request. @param at in milliseconds since the epoch */
  used(call: ArmedCall, at: number): void;
  /** @param seconds until the head of the response, or the failure */
  attempted(call: ArmedCall, end: AttemptEnd, seconds: number): void;
  firstChunk(call: ArmedCall, seconds: number): void;
  exchanged(start: ExchangeStart, end: ExchangeEnd, seconds: number): void;
  faulted(): void;
  watch(gauge: WatchedGauge, read: ReadGauge): void;
  collect(): MetricData[];
}

export function createMetrics({ clock, log }: { clock: Clock; log: Log }): Metrics {
  const instruments = createInstruments({ clock });
  const define = (name: keyof typeof metricDefinitions): Instrument => instruments.define(metricDefinitions[name]);
  const serverDuration = define('serverDuration');
  const active = define('active');
  const clientDuration = define('clientDuration');
  const exchangeDuration = define('exchangeDuration');
  const cacheRequests = define('cacheRequests');
  const decisions = define('decisions');
  const depth = define('depth');
  const remainingLifetime = define('remainingLifetime');
  const credentialUses = define('credentialUses');
  const overhead = define('overhead');
  const series = createCallSeries({
    ...{ active, serverDuration, decisions, depth, cacheRequests, overhead },
    ...{ credentialUses, remainingLifetime, clientDuration },
  });
  const timeToFirstChunk = define('firstChunk');
  const faults = define('faults');
  const watched: { readonly gauge: Instrument; readonly read: ReadGauge }[] = [];

  function readWatched(): void {
    for (const { gauge, read } of watched) {
      gauge.clear();
      try {
        for (const { value, labels } of read()) gauge.record(value, labels);
      } catch (failure) {
        faults.record(1, []);
        log.warn({ err: failure }, 'telemetry: gauge not read');
      }
    }
  }

  return {
    arrived(call) {
      tally(series.arrived(methodOf(call.method), schemeOf(call)), 1);
    },
    ended(end, overheadMs) {
      const { call, reply } = end;
      const seconds = end.durationMs / 1_000;
      if (reply !== undefined) {
        const answered = series.answered(reply.call, end);
        tally(answered.active, -1);
        tally(answered.duration, seconds);
        tally(answered.decisions, 1);
        tally(answered.depth, reply.call.chain.actors.length);
        tally(answered.cacheRequests, 1);
        if (overheadMs !== undefined) tally(answered.overhead, overheadMs / 1_000);
        return;
      }
      const [method, scheme] = [methodOf(call.method), schemeOf(call)];
      const route = isRouted(call) ? call.route.pattern : undefined;
      active.record(-1, [method, scheme]);
      serverDuration.record(seconds, [method, scheme, route, String(end.status), end.errorType]);
      decisions.record(1, [end.decision, end.refusal?.reason, route]);
      if (isKnown(call)) depth.record(call.chain.actors.length, []);
      if (isArmed(call)) cacheRequests.record(1, [call.cache]);
    },
    used(call, at) {
      const { uses, lifetime } = series.used(call);
      const { expiresAt } = call.credential.facts;
      tally(uses, 1);
      if (lifetime !== undefined && expiresAt !== undefined) tally(lifetime, (expiresAt * 1_000 - at) / 1_000);
    },
    attempted(call, end, seconds) {
      tally(series.attempted(call, end.status, attemptError(end)), seconds);
    },
    firstChunk(call, seconds) {
      timeToFirstChunk.record(seconds, [genAiOperation(call), call.route.provider]);
    },
    exchanged(start, end, seconds) {
      const { address } = serverAddress(start.endpoint);
      const error = end.refusal === undefined ? undefined : (oauthErrorOf(end) ?? end.refusal.reason);
      exchangeDuration.record(seconds, [exchangeOutcome(end), error, address, start.grant, 'miss']);
    },
    faulted: () => faults.record(1, []),
    watch(gauge, read) {
      watched.push({ gauge: define(gauge), read });
    },
    collect() {
      readWatched();
      return instruments.collect();
    },
  };
}
