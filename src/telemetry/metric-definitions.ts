// Every metric of the gate: name, unit, labels and buckets, as data, so that the reference page is generated from it.
// Names are a contract with dashboards and alerts; the names /metrics gives them follow from here (prometheus.ts).
// Labels are from configuration or closed lists: a user, a model or a path as a label lets callers make series at will.

import type { Definition } from './instruments.ts';

/** Seconds; the advised buckets of http.server.request.duration, longer at the end for streamed answers. */
const httpSeconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300];
const exchangeSeconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const overheadSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1];
const lifetimeSeconds = [0, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 43_200, 86_400];

export const metricDefinitions = {
  serverDuration: {
    name: 'http.server.request.duration',
    kind: 'histogram',
    unit: 's',
    description: 'Duration of calls, from arrival to the last byte answered.',
    labels: ['http.request.method', 'url.scheme', 'http.route', 'http.response.status_code', 'error.type'],
    buckets: httpSeconds,
  },
  active: {
    name: 'http.server.active_requests',
    kind: 'updown',
    unit: '{request}',
    description: 'Calls in flight.',
    labels: ['http.request.method', 'url.scheme'],
  },
  clientDuration: {
    name: 'http.client.request.duration',
    kind: 'histogram',
    unit: 's',
    description: 'Duration of attempts at upstreams, until the response head arrived or the attempt failed.',
    labels: ['http.request.method', 'server.address', 'server.port', 'http.response.status_code', 'error.type'],
    buckets: httpSeconds,
  },
  exchangeDuration: {
    name: 'postern.token_exchange.duration',
    kind: 'histogram',
    unit: 's',
    description: 'Duration of round trips to issuers.',
    labels: [
      'postern.exchange.outcome',
      'error.type',
      'server.address',
      'postern.token.grant',
      'postern.token.cache.result',
    ],
    buckets: exchangeSeconds,
  },
  cacheRequests: {
    name: 'postern.token_cache.requests',
    kind: 'counter',
    unit: '{request}',
    description: 'Credentials asked of the cache, by what it answered.',
    labels: ['postern.token.cache.result'],
  },
  cacheEntries: {
    name: 'postern.token_cache.entries',
    kind: 'gauge',
    unit: '{entry}',
    description: 'Credentials in the cache.',
    labels: [],
    across: 'largest',
  },
  decisions: {
    name: 'postern.authorization.decisions',
    kind: 'counter',
    unit: '{decision}',
    description: 'Calls by what was decided, and why where they were not made.',
    labels: ['postern.decision', 'postern.denial.reason', 'http.route'],
  },
  depth: {
    name: 'postern.delegation.depth',
    kind: 'histogram',
    unit: '{actor}',
    description: 'Actors in the delegation chain of verified calls.',
    labels: [],
    buckets: [0, 1, 2, 3, 4, 5, 8],
  },
  remainingLifetime: {
    name: 'postern.token.remaining_lifetime',
    kind: 'histogram',
    unit: 's',
    description: 'Time a credential had left when it was put on a request.',
    labels: ['postern.exchange.name'],
    buckets: lifetimeSeconds,
  },
  credentialUses: {
    name: 'postern.credential.uses',
    kind: 'counter',
    unit: '{use}',
    description: 'Credentials put on requests, by kind: `static` is standing privilege.',
    labels: ['postern.credential.kind', 'postern.exchange.name'],
  },
  routes: {
    name: 'postern.routes',
    kind: 'gauge',
    unit: '{route}',
    description: 'Routes by the kind of credential they use: those of `static` rest on a standing key.',
    labels: ['postern.credential.kind'],
    across: 'largest',
  },
  jwksAge: {
    name: 'postern.jwks.age',
    kind: 'gauge',
    unit: 's',
    description: "Age of an issuer's key set.",
    labels: ['postern.trust'],
    across: 'largest',
  },
  jwksFailures: {
    name: 'postern.jwks.fetch_failures',
    kind: 'counter',
    unit: '{failure}',
    description: "Attempts to fetch an issuer's keys that failed.",
    labels: ['postern.trust'],
  },
  upstreamQueue: {
    name: 'postern.upstream.queue',
    kind: 'gauge',
    unit: '{request}',
    description: 'Calls waiting for a connection to their upstream.',
    labels: ['postern.upstream'],
  },
  overhead: {
    name: 'postern.proxy.overhead.duration',
    kind: 'histogram',
    unit: 's',
    description: 'Time a call spent in the gate itself: without the upstream, without issuers.',
    labels: ['http.route'],
    buckets: overheadSeconds,
  },
  firstChunk: {
    name: 'gen_ai.client.operation.time_to_first_chunk',
    kind: 'histogram',
    unit: 's',
    description: 'Time from sending a request to a model API to the first byte of its streamed answer.',
    labels: ['gen_ai.operation.name', 'gen_ai.provider.name'],
    buckets: httpSeconds,
  },
  auditRecords: {
    name: 'postern.audit.records',
    kind: 'counter',
    unit: '{record}',
    description: 'Audit records by outcome; anything but `accepted` needs a look at once.',
    labels: ['event', 'outcome'],
  },
  auditSequence: {
    name: 'postern.audit.sequence',
    kind: 'gauge',
    unit: '{record}',
    description: 'Number of the last line of the audit log; the log itself must reach at least as far.',
    labels: [],
  },
  auditWaiting: {
    name: 'postern.audit.waiting',
    kind: 'gauge',
    unit: '{character}',
    description:
      'Characters of audit records that wait to be written; more than a moment means a disk or pipe that is stuck.',
    labels: [],
  },
  auditCopies: {
    name: 'postern.audit.copies',
    kind: 'counter',
    unit: '{record}',
    description:
      'Audit records copied to the collector (`audit.otlp`), by outcome; anything but `accepted` is in the log alone.',
    labels: ['outcome'],
  },
  auditCopiesWaiting: {
    name: 'postern.audit.copies.waiting',
    kind: 'gauge',
    unit: '{record}',
    description: 'Audit records that wait to be copied to the collector.',
    labels: [],
  },
  revocations: {
    name: 'postern.revocation.entries',
    kind: 'gauge',
    unit: '{entry}',
    description: 'Revocations in force.',
    labels: ['postern.revocation.kind'],
    across: 'largest',
  },
  revocationProblems: {
    name: 'postern.revocation.problems',
    kind: 'gauge',
    unit: '{problem}',
    description:
      'Lines of the list of revocations that cannot be read, or the list itself; anything but 0 needs a look at once.',
    labels: [],
    across: 'largest',
  },
  revocationCallsEnded: {
    name: 'postern.revocation.calls_ended',
    kind: 'counter',
    unit: '{call}',
    description: 'Live calls that were ended by a revocation.',
    labels: [],
  },
  workers: {
    name: 'postern.workers',
    kind: 'gauge',
    unit: '{worker}',
    description: 'Threads that carry calls: fewer than configured while one is replaced.',
    labels: [],
  },
  workerCalls: {
    name: 'postern.worker.calls',
    kind: 'counter',
    unit: '{call}',
    description: 'Calls taken, by thread.',
    labels: ['postern.worker'],
  },
  workerEnds: {
    name: 'postern.worker.ends',
    kind: 'counter',
    unit: '{end}',
    description: 'Threads that died or hung, were ended with the calls they carried, and replaced.',
    labels: [],
  },
  faults: {
    name: 'postern.telemetry.faults',
    kind: 'counter',
    unit: '{fault}',
    description: 'Failures inside telemetry itself; the calls went on.',
    labels: [],
  },
} as const satisfies Record<string, Definition>;

/** Metrics whose value another part knows. */
export type WatchedGauge =
  | 'routes'
  | 'cacheEntries'
  | 'jwksAge'
  | 'upstreamQueue'
  | 'revocations'
  | 'revocationProblems'
  | 'revocationCallsEnded'
  | 'auditRecords'
  | 'auditSequence'
  | 'auditWaiting'
  | 'workers'
  | 'workerCalls'
  | 'workerEnds'
  | 'auditCopies'
  | 'auditCopiesWaiting'
  | 'jwksFailures';
