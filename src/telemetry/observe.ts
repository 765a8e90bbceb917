// Telemetry, put together: one observation for each call, /metrics, audit events, one orderly end.
// The rest of the house sees only the Observation interface of call.ts. A failure in here must never reach a call.

import { hash } from 'node:crypto';
import type { Attributes } from '@opentelemetry/api';
import { RandomIdGenerator } from '@opentelemetry/sdk-trace';
import type { Clock, Log } from '../base/ports.ts';
import type { Arrival, KnownCall, ObservedCall } from '../call.ts';
import { createAudit } from './audit.ts';
import { type AuditSink, openAuditSink } from './audit-sink.ts';
import type { Guard, ObservationParts } from './call-recorder.ts';
import { createLedger } from './correlation.ts';
import { type Environment, resolveSettings } from './environment.ts';
import type { WatchedGauge } from './metric-definitions.ts';
import { createMetrics, type Metrics, type ReadGauge } from './metrics.ts';
import { createObservation } from './observation.ts';
import { createOtel } from './otel.ts';
import { createNaming, createPseudonym, encodeIdentifier, type Pseudonym } from './pseudonym.ts';
import { createSampler } from './sampling.ts';
import type { AuditConfig, SubjectForm, TelemetryConfig } from './schema.ts';

export interface TelemetryOptions {
  readonly telemetry: TelemetryConfig;
  readonly audit: AuditConfig;
  /** process.env; the OTLP exporters read their own variables from the process itself. */
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** Instead of the sink `audit` names. */
  readonly auditSink?: AuditSink;
  /** Digest of a token's `jti`, the one the exchange puts in `CredentialFacts.idHash`: joins hops. */
  readonly hashTokenId?: (jti: string) => string;
  /** Milliseconds of a monotonic clock. */
  readonly elapsed?: () => number;
}

export interface Telemetry {
  observe(arrival: Arrival): ObservedCall;
  /** The text of /metrics. */
  prometheus(): Promise<string>;
  /** Writes an audit record that belongs to no call, such as `postern.config.changed`. Facts must hold no secret. */
  event(name: string, facts: object): void;
  /** Collects a gauge from the part that knows its value, whenever metrics are read. */
  watch(gauge: WatchedGauge, read: ReadGauge): void;
  /** Everything recorded so far is with the collector and on disk. Rejects when one of them fails. */
  flush(): Promise<void>;
  /** Flushes and stops; at most about three seconds, and never rejects. */
  close(): Promise<void>;
}

/** Throws when the audit file cannot be opened. */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { telemetry, clock, log } = options;
  const settings = resolveSettings(telemetry, options.env, log);
  const metrics = createMetrics({ clock, log });
  const pseudonym = createPseudonym(telemetry.subject_key);
  const sink = options.auditSink ?? openAuditSink({ audit: options.audit, log });
  const audit = createAudit({ sink, clock, log, metrics, form: options.audit.subject, pseudonym });
  const { collect } = metrics;
  const otel = createOtel({ settings, headers: telemetry.headers, version: options.version, collect, log });
  const ids = new RandomIdGenerator();

  const parts: ObservationParts = {
    write: otel.write,
    newTraceId: () => ids.generateTraceId(),
    newSpanId: () => ids.generateSpanId(),
    sample: createSampler(settings.sampling),
    sampling: settings.sampling,
    adopt: telemetry.correlation.adopt,
    ledger: createLedger({ clock, hashTokenId: options.hashTokenId ?? hashTokenId }),
    metrics,
    audit,
    delegation: { name: createNaming(telemetry.subject, pseudonym), hops: telemetry.hop_attributes },
    user: createUserAttributes(telemetry.subject, pseudonym),
    elapsed: options.elapsed ?? (() => performance.now()),
    guard: createGuard(metrics, log),
  };

  return {
    observe: (arrival) => ({ ...arrival, observation: createObservation(arrival, parts) }),
    prometheus: otel.prometheus,
    event: audit.event,
    watch: metrics.watch,
    async flush() {
      await Promise.all([otel.flush(), audit.flush()]);
    },
    async close() {
      const ends = await Promise.allSettled([otel.close(), audit.close()]);
      for (const end of ends)
        if (end.status === 'rejected') log.error({ err: end.reason }, 'telemetry: not closed cleanly');
    },
  };
}

/** Nothing telemetry does may fail a call: what goes wrong is counted, and told the first time. */
function createGuard(metrics: Metrics, log: Log): Guard {
  let told = false;
  return (record) => {
    try {
      record();
    } catch (failure) {
      metrics.faulted();
      if (!told) log.error({ err: failure }, 'telemetry: a call was not recorded fully');
      told = true;
    }
  };
}

/** user.hash where the user has a pseudonym, user.id where the configuration says to name users. */
function createUserAttributes(form: SubjectForm, pseudonym: Pseudonym): (call: KnownCall) => Attributes | undefined {
  return ({ subject }) => {
    if (subject.kind === 'workload' || form === 'omit') return undefined;
    return form === 'raw' ? { 'user.id': encodeIdentifier(subject.sub) } : { 'user.hash': pseudonym(subject) };
  };
}

/** Characters kept of the digest of a `jti`: what the exchange keeps, so that an issued token is known when it comes back. */
const idHashLength = 16;

function hashTokenId(jti: string): string {
  return hash('sha256', jti, 'hex').slice(0, idHashLength);
}
