// Sends finished spans: the SDK's batch processor and OTLP transport (queue, retries, compression, TLS, every OTEL_* variable)
// around spans that are bytes already. Registers nothing globally and instruments nothing.
// Must never block or fail a call.

import { TraceFlags } from '@opentelemetry/api';
import { type ExportResult, ExportResultCode, type InstrumentationScope } from '@opentelemetry/core';
import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base';
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from '@opentelemetry/otlp-exporter-base/node-http';
import { ProtobufTraceSerializer, TraceExporterMetricsHelper } from '@opentelemetry/otlp-transformer';
import type { Resource } from '@opentelemetry/resources';
import type { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace';
import type { Log } from '../base/ports.ts';
import type { BatchSettings } from './environment.ts';
import { encodeAttributes } from './otlp-attributes.ts';
import { createWriter } from './otlp-writer.ts';
import type { SpanData, SpanEncoder } from './span-data.ts';

export interface SpanExportOptions {
  /** Full URL of the receiver. */
  readonly url: string;
  readonly headers: () => Promise<Record<string, string>>;
  readonly batch: BatchSettings;
  readonly encoder: SpanEncoder;
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
  /** Takes the SDK's own metrics (otel.sdk.*). */
  readonly meters: MeterProvider;
  readonly log: Log;
}

export interface SpanExport {
  write(span: SpanData): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** All the processor reads of a span: that it is to be exported, and that nothing of it is still pending. */
interface QueuedSpan extends Pick<ReadableSpan, 'spanContext' | 'resource'> {
  readonly bytes: Buffer;
}

const sampledContext = { traceId: '', spanId: '', traceFlags: TraceFlags.SAMPLED };
const spanContext = () => sampledContext;

export function createSpanExport(options: SpanExportOptions): SpanExport {
  const { encoder, resource } = options;
  const batches = new BatchSpanProcessor({
    ...options.batch,
    exporter: telling(createExporter(options), options.log),
    selfObsMeterProvider: options.meters,
  });
  return {
    write(span) {
      const queued: QueuedSpan = { bytes: encoder.encode(span), spanContext, resource };
      // The processor hands on what it was given, and our exporter takes nothing else.
      batches.onEnd(queued as QueuedSpan & ReadableSpan);
    },
    flush: () => batches.forceFlush(),
    close: () => batches.shutdown(),
  };
}

function createExporter({ url, headers, resource, scope }: SpanExportOptions): SpanExporter {
  const head = requestHead(resource, scope);
  const http = convertLegacyHttpOptions({ url, headers }, 'TRACES', 'v1/traces', {
    'Content-Type': 'application/x-protobuf',
  });
  const serializer = {
    serializeRequest: (spans: readonly QueuedSpan[]) => encodeRequest(head, spans),
    deserializeResponse: ProtobufTraceSerializer.deserializeResponse,
  };
  const counting = { ...TraceExporterMetricsHelper, countItems: (spans: readonly QueuedSpan[]) => spans.length };
  const inner = new OTLPExporterBase(
    createOtlpHttpExportDelegate(http, serializer, 'otlp_http_span_exporter', counting, undefined),
  );
  return {
    // Made by `write` above and by nobody else.
    export: (spans, done) => inner.export(spans as unknown as QueuedSpan[], done),
    forceFlush: () => inner.forceFlush(),
    shutdown: () => inner.shutdown(),
  };
}

/** What precedes the spans in every request: the fields of ResourceSpans and ScopeSpans that are always the same. */
interface RequestHead {
  /** `ResourceSpans.resource` and, if any, its schema. */
  readonly resource: Buffer;
  /** `ScopeSpans.scope`. */
  readonly scope: Buffer;
}

function requestHead(resource: Resource, scope: InstrumentationScope): RequestHead {
  const attributes = encodeAttributes(resource.attributes, 0x0a);
  const scopeFields = [field(0x0a, Buffer.from(scope.name)), field(0x12, Buffer.from(scope.version ?? ''))];
  return { resource: field(0x0a, attributes), scope: field(0x0a, Buffer.concat(scopeFields)) };
}

/** ExportTraceServiceRequest with one ResourceSpans of one ScopeSpans. */
function encodeRequest({ resource, scope }: RequestHead, spans: readonly QueuedSpan[]): Uint8Array {
  const tagged = spans.flatMap(({ bytes }) => [lengthOf(0x12, bytes.length), bytes]);
  const scopeSpans = [scope, ...tagged];
  const inScope = sizeOf(scopeSpans);
  const scopeHead = lengthOf(0x12, inScope);
  const inResource = resource.length + scopeHead.length + inScope;
  return Buffer.concat([lengthOf(0x0a, inResource), resource, scopeHead, ...scopeSpans]);
}

function field(tag: number, bytes: Buffer): Buffer {
  return Buffer.concat([lengthOf(tag, bytes.length), bytes]);
}

const lengths = createWriter();

function lengthOf(tag: number, length: number): Buffer {
  lengths.begin();
  lengths.ensure(12);
  lengths.byte(tag);
  lengths.varint(length);
  return lengths.end();
}

function sizeOf(parts: readonly Buffer[]): number {
  let size = 0;
  for (const part of parts) size += part.length;
  return size;
}

/** An exporter that tells the log when the collector stops taking spans, and when it takes them again; not each time. */
function telling(inner: SpanExporter, log: Log): SpanExporter {
  let failing = false;
  function tell({ code, error }: ExportResult): void {
    const failed = code !== ExportResultCode.SUCCESS;
    if (failed === failing) return;
    failing = failed;
    if (failed) log.warn({ err: error }, 'telemetry: spans not exported');
    else log.info({}, 'telemetry: spans exported again');
  }
  return {
    export(spans, done) {
      inner.export(spans, (result) => {
        tell(result);
        done(result);
      });
    },
    forceFlush: () => inner.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => inner.shutdown(),
  };
}
