// A telemetry that reports to a real collector over the wire, a clock that stands still, an audit sink that remembers.

import type { Test } from 'tap';
import { type Collector, type DecodedSpan, startCollector } from '../../demo/collector.ts';
import { openAudit } from '../../src/audit/audit.ts';
import { auditSchema } from '../../src/audit/schema.ts';
import { createAuditCopies } from '../../src/telemetry/audit-copies.ts';
import type { Environment } from '../../src/telemetry/environment.ts';
import type { LogExport } from '../../src/telemetry/log-export.ts';
import { createTelemetry, type Telemetry } from '../../src/telemetry/observe.ts';
import { createPseudonym } from '../../src/telemetry/pseudonym.ts';
import { telemetrySchema } from '../../src/telemetry/schema.ts';
import { watchAudit } from '../../src/wiring/gauges.ts';
import { type MemoryLog, memoryLog } from './audit-memory.ts';
import { recordingLog } from './log.ts';
import { arrivedAt } from './telemetry-calls.ts';

export interface TelemetryWorld {
  readonly telemetry: Telemetry;
  readonly collector: Collector;
  readonly audit: MemoryLog;
  /** With `audit.otlp`. */
  readonly copies: LogExport | undefined;
  readonly log: ReturnType<typeof recordingLog>;
  /** Flushes, and gives every span the collector has. */
  spans(): Promise<readonly DecodedSpan[]>;
  /** The one span of that name. */
  span(name: string): Promise<DecodedSpan>;
  /** Moves the monotonic clock on, in milliseconds. */
  pass(ms: number): void;
}

export interface WorldOptions {
  readonly telemetry?: object;
  readonly audit?: object;
  readonly env?: Environment;
}

export async function telemetryWorld(t: Test, options: WorldOptions = {}): Promise<TelemetryWorld> {
  const collector = await startCollector();
  const log = recordingLog();
  const memory = memoryLog();
  let elapsed = 1_000;
  const config = telemetrySchema.parse({ endpoint: collector.url, ...options.telemetry });
  const pseudonym = createPseudonym(config.subject_key);
  const clock = { now: () => arrivedAt + elapsed - 1_000 };
  const version = '0.0.0-test';
  const { segments } = memory;
  const auditConfig = auditSchema.parse(options.audit ?? {});
  const told = { telemetry: config, env: options.env ?? {}, clock, log, version, instance: 'one-of-many' };
  const copies = createAuditCopies({ ...told, wanted: auditConfig.otlp });
  const audit = openAudit({ audit: auditConfig, segments, pseudonym, clock, log, version, copy: copies?.write });
  const telemetry = createTelemetry({ ...told, audit, pseudonym, elapsed: () => elapsed });
  watchAudit(telemetry, audit, copies);
  t.teardown(async () => {
    await telemetry.close();
    await audit.close();
    await copies?.close();
    await collector.close();
  });
  const spans = async () => {
    await telemetry.flush();
    return collector.spans();
  };
  return {
    telemetry,
    collector,
    audit: memory,
    copies,
    log,
    spans,
    async span(name) {
      const found = (await spans()).filter((span) => span.name === name);
      const [only] = found;
      if (only === undefined || found.length > 1) throw new Error(`${found.length} spans are named ${name}`);
      return only;
    },
    pass(ms) {
      elapsed += ms;
    },
  };
}
