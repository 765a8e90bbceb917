// What several threads measured, told as one.

import { test } from 'tap';
import { createInstruments } from '../../src/telemetry/instruments.ts';
import { lasting, mergeMetrics } from '../../src/telemetry/merge-metrics.ts';
import { metricDefinitions } from '../../src/telemetry/metric-definitions.ts';
import { renderPrometheus } from '../../src/telemetry/prometheus.ts';

const clock = { now: () => 0 };

/** One thread that measured this much of everything. */
function thread(much: number) {
  const { define, collect } = createInstruments({ clock });
  define(metricDefinitions.cacheRequests).record(much, ['hit']);
  define(metricDefinitions.active).record(much, ['GET', 'http']);
  define(metricDefinitions.upstreamQueue).record(much, ['https://api']);
  define(metricDefinitions.jwksAge).record(much, ['corp']);
  const depth = define(metricDefinitions.depth);
  for (let n = 0; n < much; n += 1) depth.record(n, []);
  define(metricDefinitions.workerCalls).record(much, [String(much)]);
  return structuredClone(collect());
}

function lines(metrics: ReturnType<typeof mergeMetrics>): string[] {
  return renderPrometheus(metrics, {})
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('target_info'));
}

test('counters, histograms and most gauges are added up, the age of keys is that of the oldest', (t) => {
  t.strictSame(lines(mergeMetrics([thread(2), thread(3)])), [
    'postern_token_cache_requests_total{postern_token_cache_result="hit"} 5',
    'http_server_active_requests{http_request_method="GET",url_scheme="http"} 5',
    'postern_upstream_queue{postern_upstream="https://api"} 5',
    'postern_jwks_age_seconds{postern_trust="corp"} 3',
    'postern_delegation_depth_bucket{le="0"} 2',
    'postern_delegation_depth_bucket{le="1"} 4',
    'postern_delegation_depth_bucket{le="2"} 5',
    'postern_delegation_depth_bucket{le="3"} 5',
    'postern_delegation_depth_bucket{le="4"} 5',
    'postern_delegation_depth_bucket{le="5"} 5',
    'postern_delegation_depth_bucket{le="8"} 5',
    'postern_delegation_depth_bucket{le="+Inf"} 5',
    'postern_delegation_depth_sum 4',
    'postern_delegation_depth_count 5',
    'postern_worker_calls_total{postern_worker="2"} 2',
    'postern_worker_calls_total{postern_worker="3"} 3',
  ]);
  t.end();
});

test('one thread alone is told as it is', (t) => {
  t.strictSame(lines(mergeMetrics([thread(2)])), lines(thread(2)));
  t.end();
});

test('what outlasts a thread is what only ever grows', (t) => {
  t.strictSame(
    lasting(thread(1)).map(({ descriptor }) => descriptor.name),
    ['postern.token_cache.requests', 'postern.delegation.depth', 'postern.worker.calls'],
  );
  t.end();
});
