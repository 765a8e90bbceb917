// A telemetry that reports to a real collector over the wire, a clock that stands still, an audit sink that remembers.

import type { Test } from 'tap';
import { type Collector, type DecodedSpan, startCollector } from '../../demo/collector.ts';
import { openAudit } from '../../src/audit/audit.ts';
import { auditSchema } from '../../src/audit/schema.ts';
import type { Environment } from '../../src/telemetry/environment.ts';
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
  const audit = openAudit({ audit: auditSchema.parse(options.audit ?? {}), segments, pseudonym, clock, log, version });
  const telemetry = createTelemetry({
    telemetry: config,
    audit,
    pseudonym,
    env: options.env ?? {},
    clock,
    log,
    version,
    elapsed: () => elapsed,
  });
  watchAudit(telemetry, audit);
  t.teardown(async () => {
    await telemetry.close();
    await audit.close();
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
