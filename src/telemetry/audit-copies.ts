// Copies of audit records for the collector that spans go to, as OTLP log records: put together from the configuration of
// telemetry and the OTEL_* variables. The log itself never comes this way (docs/adr/0006).

import type { Clock, Log } from '../base/ports.ts';
import { type Environment, resolveSettings } from './environment.ts';
import { createLogExport, type LogExport } from './log-export.ts';
import { createResource, revealHeaders } from './otel.ts';
import { createPost } from './otlp-post.ts';
import type { TelemetryConfig } from './schema.ts';

/** Instrumentation scope of copies; spans and metrics have `postern`. */
const scopeName = 'postern.audit';

export interface AuditCopiesOptions {
  /** `audit.otlp` */
  readonly wanted: boolean;
  readonly telemetry: TelemetryConfig;
  /** process.env; certificates, compression and headers are read by the SDK from the process itself. */
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** service.instance.id, the same as for spans. */
  readonly instance: string;
}

/** @returns undefined where no copies are wanted, or the environment turns them off. */
export function createAuditCopies(options: AuditCopiesOptions): LogExport | undefined {
  const { wanted, telemetry, env, clock, log, version, instance } = options;
  if (!wanted) return undefined;
  // What is wrong with a variable is told once, by the telemetry that reads them all.
  const settings = resolveSettings(telemetry, env, { ...log, warn: () => {} });
  const { logsUrl: url, logBatch: batch } = settings;
  if (url === undefined) {
    log.warn({}, 'audit: nothing is copied: OTEL_SDK_DISABLED or OTEL_LOGS_EXPORTER says so, or no endpoint is set');
    return undefined;
  }
  const headers = () => Promise.resolve(revealHeaders(telemetry.headers, settings.headersFromEnvironment));
  return createLogExport({
    post: createPost({ url, headers, signal: 'LOGS' }),
    batch,
    resource: createResource(settings, version, instance),
    scope: { name: scopeName, version },
    clock,
    log,
  });
}
