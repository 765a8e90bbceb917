// Where the SDK's reader sends what was measured: the way spans and copies of audit records go (otlp-post.ts), so that headers,
// timeout, compression and certificates are the same for all. The SDK's own exporter would load Node's fetch, 10 MB of every
// process. Must never keep what it was given: the gate's own metrics are cumulative, so the next push makes good for a lost one.

import { setTimeout as pause } from 'node:timers/promises';
import { ExportResultCode, getStringFromEnv } from '@opentelemetry/core';
import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { AggregationTemporality, InstrumentType, type PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { Log } from '../base/ports.ts';
import type { Post, Posted } from './otlp-post.ts';

/** How often one push is tried, and the pauses between, in milliseconds, doubling: as the SDK's exporters do. */
const maxTries = 5;
const firstPause = 1_000;

export interface MetricExportOptions {
  readonly post: Post;
  /** Time for one push with all its tries, in milliseconds. */
  readonly timeoutMs: number;
  readonly log: Log;
}

export function createMetricExporter({ post, timeoutMs, log }: MetricExportOptions): PushMetricExporter {
  const stopping = new AbortController();
  let failing = false;

  function tell(problem: string | undefined): void {
    if ((problem !== undefined) === failing) return;
    failing = problem !== undefined;
    if (failing) log.warn({ problem }, 'telemetry: metrics not exported');
    else log.info({}, 'telemetry: metrics exported again');
  }

  async function send(request: Uint8Array): Promise<Posted> {
    const { signal } = stopping;
    const until = performance.now() + timeoutMs;
    const left = () => Math.max(0, until - performance.now());
    let wait = firstPause;
    for (let tries = 1; ; tries += 1) {
      const answer = await post(request, { signal, timeoutMs: left() });
      if (answer.kind !== 'again' || tries >= maxTries || signal.aborted) return answer;
      await pause(Math.min(answer.afterMs ?? wait, left()), undefined, { ref: false, signal }).catch(() => {});
      if (signal.aborted || left() === 0) return answer;
      wait *= 2;
    }
  }

  return {
    selectAggregationTemporality: chooseTemporality(getStringFromEnv(preference)),
    export(metrics, done) {
      const request = ProtobufMetricsSerializer.serializeRequest(metrics);
      if (request === undefined) throw new Error('metrics could not be written as OTLP');
      void send(request).then((answer) => {
        const problem = answer.kind === 'taken' ? undefined : answer.problem;
        tell(problem);
        done(
          problem === undefined
            ? { code: ExportResultCode.SUCCESS }
            : { code: ExportResultCode.FAILED, error: new Error(problem) },
        );
      });
    },
    forceFlush: async () => {},
    shutdown: async () => stopping.abort(),
  };
}

const preference = 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE';

/**
 * Of the SDK's own instruments (otel.sdk.*); the gate's are always cumulative.
 * https://opentelemetry.io/docs/specs/otel/metrics/sdk_exporters/otlp/#additional-environment-variable-configuration
 */
function chooseTemporality(preferred: string | undefined): (instrument: InstrumentType) => AggregationTemporality {
  const { CUMULATIVE, DELTA } = AggregationTemporality;
  const cumulative = temporalities.get(preferred?.toLowerCase() ?? '');
  return (instrument) => (cumulative === undefined || cumulative.has(instrument) ? CUMULATIVE : DELTA);
}

const { UP_DOWN_COUNTER, OBSERVABLE_UP_DOWN_COUNTER, GAUGE, OBSERVABLE_GAUGE, OBSERVABLE_COUNTER } = InstrumentType;

/** By preference, what is cumulative all the same. */
const temporalities: ReadonlyMap<string, ReadonlySet<InstrumentType>> = new Map([
  ['delta', new Set([UP_DOWN_COUNTER, OBSERVABLE_UP_DOWN_COUNTER])],
  ['lowmemory', new Set([UP_DOWN_COUNTER, OBSERVABLE_UP_DOWN_COUNTER, GAUGE, OBSERVABLE_GAUGE, OBSERVABLE_COUNTER])],
]);
