// A telemetry that reports to a real collector over the wire, a clock that stands still, an audit sink that remembers.

import type { Test } from 'tap';
import { type Collector, type DecodedSpan, startCollector } from '../../demo/collector.ts';
import type { AuditSink } from '../../src/telemetry/audit-sink.ts';
import type { Environment } from '../../src/telemetry/environment.ts';
import { createTelemetry, type Telemetry } from '../../src/telemetry/observe.ts';
import { auditSchema, telemetrySchema } from '../../src/telemetry/schema.ts';
import { recordingLog } from './log.ts';
import { arrivedAt } from './telemetry-calls.ts';

export interface TelemetryWorld {
  readonly telemetry: Telemetry;
  readonly collector: Collector;
  readonly audit: MemorySink;
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
  const audit = memorySink();
  let elapsed = 1_000;
  const telemetry = createTelemetry({
    telemetry: telemetrySchema.parse({ endpoint: collector.url, ...options.telemetry }),
    audit: auditSchema.parse(options.audit ?? {}),
    env: options.env ?? {},
    clock: { now: () => arrivedAt + elapsed - 1_000 },
    log,
    version: '0.0.0-test',
    auditSink: audit,
    elapsed: () => elapsed,
  });
  t.teardown(async () => {
    await telemetry.close();
    await collector.close();
  });
  const spans = async () => {
    await telemetry.flush();
    return collector.spans();
  };
  return {
    telemetry,
    collector,
    audit,
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

export interface MemorySink extends AuditSink {
  readonly lines: string[];
  records(): Record<string, unknown>[];
}

export function memorySink(): MemorySink {
  const lines: string[] = [];
  return {
    lines,
    records: () => lines.map((line) => JSON.parse(line)),
    write: (line) => void lines.push(line),
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
