// What stands around spans and log records in an OTLP request: one resource, one scope, then the items, which are bytes
// already. Traces and logs share the field numbers (ResourceSpans/ResourceLogs, ScopeSpans/ScopeLogs, opentelemetry-proto 1.x).

import type { InstrumentationScope } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import { encodeAttributes } from './otlp-attributes.ts';
import { createWriter } from './otlp-writer.ts';

/** What precedes the items in every request of one exporter. */
export interface RequestHead {
  /** `resource`. */
  readonly resource: Buffer;
  /** `scope`. */
  readonly scope: Buffer;
}

export function requestHead(resource: Resource, scope: InstrumentationScope): RequestHead {
  const attributes = encodeAttributes(resource.attributes, 0x0a);
  const scopeFields = [field(0x0a, Buffer.from(scope.name)), field(0x12, Buffer.from(scope.version ?? ''))];
  return { resource: field(0x0a, attributes), scope: field(0x0a, Buffer.concat(scopeFields)) };
}

/** ExportTraceServiceRequest or ExportLogsServiceRequest, of one resource and one scope. */
export function encodeRequest({ resource, scope }: RequestHead, items: readonly Buffer[]): Buffer {
  const scoped = [scope, ...items.flatMap((bytes) => [lengthOf(0x12, bytes.length), bytes])];
  const inScope = sizeOf(scoped);
  const scopeHead = lengthOf(0x12, inScope);
  const inResource = resource.length + scopeHead.length + inScope;
  return Buffer.concat([lengthOf(0x0a, inResource), resource, scopeHead, ...scoped]);
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
