// Telemetry, put together: one observation for each call, told to traces, metrics and the audit log; /metrics; an orderly end.
// The rest of the house sees only the Observation interface of call.ts. A failure in here must never reach a call.

import { randomUUID } from 'node:crypto';
import type { MetricData } from '@opentelemetry/sdk-metrics';
import { idDigest } from '../base/id-digest.ts';
import type { Clock, Log } from '../base/ports.ts';
import type { Arrival, Observation, ObservedCall, PermittedCall } from '../call.ts';
import type { Principal } from '../principal.ts';
import type { AuditTrail } from './audit-trail.ts';
import type { Faulted, ObservationParts } from './call-recorder.ts';
import { createLedger, type IssuedToken } from './correlation.ts';
import { createDelegationBlocks } from './delegation-attributes.ts';
import { type Environment, resolveSettings } from './environment.ts';
import { createWriteGrant, type GrantOptions } from './grant-attributes.ts';
import { newSpanId, newTraceId } from './ids.ts';
import type { WatchedGauge } from './metric-definitions.ts';
import { createMetrics, type Metrics, type ReadGauge } from './metrics.ts';
import { createObservation, isCallObservation } from './observation.ts';
import { createOtel } from './otel.ts';
import type { AttributeWriter } from './otlp-attributes.ts';
import { createNaming, encodeIdentifier, type Pseudonym } from './pseudonym.ts';
import { createSampler } from './sampling.ts';
import type { SubjectForm, TelemetryConfig } from './schema.ts';

export interface TelemetryOptions {
  readonly telemetry: TelemetryConfig;
  /** Where decisions, exchanges and ends are told; opened and closed by whoever gives it. */
  readonly audit: AuditTrail;
  /** What users are called, here and in the audit log. */
  readonly pseudonym: Pseudonym;
  /** process.env; the OTLP exporters read their own variables from the process itself. */
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** service.instance.id; random where absent. */
  readonly instance?: string;
  /** Is told of tokens issued here, for other threads to learn. */
  readonly issued?: (token: IssuedToken) => void;
  /** Milliseconds of a monotonic clock. */
  readonly elapsed?: () => number;
}

export interface Telemetry {
  observe(arrival: Arrival): ObservedCall;
  /** The same in a trace of its own, linked to the caller's, whose id nobody could guess: it may then prove something. */
  observeApart(arrival: Arrival): ObservedCall;
  /**
   * Tells the audit log of a decision before it is carried out.
   * @returns false when the record was not taken
   * @throws when it could not be made
   */
  permitted(call: PermittedCall): boolean;
  /** A token was issued in another thread: hops that present it are joined here too. */
  learn(token: IssuedToken): void;
  /** Everything measured in this thread so far. */
  collect(): Promise<MetricData[]>;
  /** The text of /metrics. @param others what other threads measured, told as one with our own */
  prometheus(others?: readonly (readonly MetricData[])[]): Promise<string>;
  /** Writes an audit record that belongs to no call, such as `postern.config.changed`. Facts must hold no secret. */
  event(name: string, facts: object): void;
  /** Collects a gauge from the part that knows its value, whenever metrics are read. */
  watch(gauge: WatchedGauge, read: ReadGauge): void;
  /** Everything recorded so far is with the collector. Rejects when that fails. */
  flush(): Promise<void>;
  /** Flushes and stops; at most about three seconds, and never rejects. */
  close(): Promise<void>;
}

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { telemetry, audit, pseudonym, clock, log } = options;
  const settings = resolveSettings(telemetry, options.env, log);
  const metrics = createMetrics({ clock, log });
  const { collect } = metrics;
  const { version, instance = randomUUID() } = options;
  const otel = createOtel({ settings, headers: telemetry.headers, version, instance, collect, log });

  const delegation = createDelegationBlocks(otel.block, {
    name: createNaming(telemetry.subject, pseudonym),
    hops: telemetry.hop_attributes,
  });
  const user = createUserAttributes(telemetry.subject, pseudonym);

  const parts: ObservationParts = {
    write: otel.write,
    newTraceId,
    newSpanId,
    sample: createSampler(settings.sampling),
    sampling: settings.sampling,
    adopt: telemetry.correlation.adopt,
    ledger: createLedger({ clock, hashTokenId: idDigest, tell: options.issued }),
    metrics,
    audit,
    delegation,
    grant: createWriteGrant({ encode: otel.block, delegation, user }),
    elapsed: options.elapsed ?? (() => performance.now()),
    faulted: createFaulted(metrics, log),
  };

  const apart = apartFrom(parts);

  return {
    observe: (arrival) => observed(arrival, createObservation(arrival, parts)),
    observeApart: (arrival) => observed(arrival, createObservation(arrival, apart)),
    permitted(call) {
      return isCallObservation(call.observation) && call.observation.permitted(call);
    },
    learn: parts.ledger.learn,
    collect: otel.collect,
    prometheus: otel.prometheus,
    event: audit.event,
    watch: metrics.watch,
    flush: otel.flush,
    async close() {
      try {
        await otel.close();
      } catch (failure) {
        log.error({ err: failure }, 'telemetry: not closed cleanly');
      }
    },
  };
}

/** Written out: a spread with a name added keeps that name outside of the object, in a table of its own. */
function observed(arrival: Arrival, observation: Observation): ObservedCall {
  const { id, at, method, target, rawHeaders, peer, transport } = arrival;
  return { id, at, method, target, rawHeaders, peer, transport, observation };
}

function apartFrom(parts: ObservationParts): ObservationParts {
  const parent = parts.sampling.parent === 'ignore' ? 'ignore' : 'link';
  return {
    ...parts,
    sampling: { ...parts.sampling, parent },
    adopt: parts.adopt === 'parent' ? 'link' : parts.adopt,
  };
}

/** Nothing telemetry does may fail a call: what goes wrong is counted, and told the first time. */
function createFaulted(metrics: Metrics, log: Log): Faulted {
  let told = false;
  return (failure) => {
    metrics.faulted();
    if (!told) log.error({ err: failure }, 'telemetry: a call was not recorded fully');
    told = true;
  };
}

/** user.hash where the user has a pseudonym, user.id where the configuration says to name users. */
function createUserAttributes(form: SubjectForm, pseudonym: Pseudonym): GrantOptions['user'] {
  function write(to: AttributeWriter, subject: Principal): void {
    if (form === 'raw') to.set('user.id', encodeIdentifier(subject.sub));
    else to.set('user.hash', pseudonym(subject));
  }

  return (to, { subject }) => {
    if (subject.kind !== 'workload' && form !== 'omit') to.shared('user', subject, write);
  };
}
