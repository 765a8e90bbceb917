// One finished span, told by whoever knows it, and its bytes as OTLP sends them (opentelemetry.proto.trace.v1.Span).
// Spans are written whole when they end: a call that is not exported costs two random ids and no attribute.
// Field numbers are those of opentelemetry-proto 1.x, which the stable protocol promises never to change.

import type { HrTime } from '@opentelemetry/api';
import type { SpanReference } from '../credential.ts';
import { type AttributeBlock, createBlocks, type WriteAttributes } from './otlp-attributes.ts';
import { rememberingInto } from './otlp-remembered.ts';
import { createWriter } from './otlp-writer.ts';

export interface SpanData {
  readonly name: string;
  readonly kind: 'server' | 'client';
  readonly span: SpanReference;
  readonly parent: SpanReference | undefined;
  /** Whether the parent is a span of another process. */
  readonly remoteParent: boolean;
  /** Milliseconds since the epoch, with fraction. */
  readonly start: number;
  readonly end: number;
  readonly attributes: WriteAttributes;
  readonly links: readonly SpanLink[];
  readonly failed: boolean;
}

export interface SpanLink {
  readonly span: SpanReference;
  /** postern.link.type */
  readonly type: 'token_issued' | 'caller';
}

export interface EncodedSpan {
  readonly bytes: Buffer;
  readonly at: number;
  readonly length: number;
}

export interface SpanEncoder {
  /** A Span message, without tag and length. Stands until the next one is encoded. */
  encode(span: SpanData): EncodedSpan;
  /** Attributes that several spans will share. */
  block(write: WriteAttributes): AttributeBlock;
}

/** `Span.attributes` and `Span.Link.attributes`, length-delimited. */
const spanAttributes = (9 << 3) | 2;
const linkAttributes = (4 << 3) | 2;

const kinds = { server: 2, client: 3 } as const;

/** SpanFlags: sampled, and whether the parent is known to be remote. */
const sampled = 0x01;
const remoteKnown = 0x100;
const remote = 0x200;

/** Status and flags, the last fields of a span. */
const endings = {
  unset: endingOf([0x7a, 0x00]),
  error: endingOf([0x7a, 0x02, 0x18, 0x02]),
};

function endingOf(status: readonly number[]): { readonly local: Buffer; readonly remote: Buffer } {
  const flags = (bits: number) => Buffer.from([...status, 0x85, 0x01, bits & 0xff, bits >>> 8, 0, 0]);
  return { local: flags(sampled | remoteKnown), remote: flags(sampled | remoteKnown | remote) };
}

/** Room for everything of a span that is of fixed length. */
const fixedBytes = 128;

/** @param valueLength longest attribute text, in characters */
export function createSpanEncoder(valueLength: number): SpanEncoder {
  const writer = createWriter();
  const attributes = rememberingInto(writer, spanAttributes, valueLength);
  const linkBlock = createBlocks(linkAttributes, valueLength);
  const linkBlocks = new Map<string, AttributeBlock>();

  function ids(traceTag: number, spanTag: number, { traceId, spanId }: SpanReference): void {
    writer.byte(traceTag);
    writer.byte(16);
    writer.hex(traceId);
    writer.byte(spanTag);
    writer.byte(8);
    writer.hex(spanId);
  }

  function name(value: string): void {
    const before = writer.at;
    writer.byte(0x2a);
    writer.varint(value.length);
    if (writer.ascii(value)) return;
    writer.rewind(before);
    const bytes = Buffer.byteLength(value);
    writer.ensure(bytes + fixedBytes);
    writer.byte(0x2a);
    writer.varint(bytes);
    writer.text(value, bytes);
  }

  function link({ span, type }: SpanLink): void {
    const block = linkBlocks.get(type) ?? linkBlock((set) => set.set('postern.link.type', type));
    linkBlocks.set(type, block);
    const length = 28 + block.bytes.length + 5;
    writer.ensure(length + 8);
    writer.byte(0x6a);
    writer.varint(length);
    ids(0x0a, 0x12, span);
    writer.raw(block.bytes);
    writer.byte(0x35);
    writer.fixed32(sampled | remoteKnown | remote);
  }

  return {
    encode(data) {
      writer.restart();
      writer.ensure(fixedBytes);
      ids(0x0a, 0x12, data.span);
      if (data.parent !== undefined) {
        writer.byte(0x22);
        writer.byte(8);
        writer.hex(data.parent.spanId);
      }
      name(data.name);
      writer.ensure(fixedBytes);
      writer.byte(0x30);
      writer.byte(kinds[data.kind]);
      writer.byte(0x39);
      writer.nanoseconds(data.start);
      writer.byte(0x41);
      writer.nanoseconds(Math.max(data.start, data.end));
      data.attributes(attributes);
      for (const each of data.links) link(each);
      writer.ensure(fixedBytes);
      const ending = data.failed ? endings.error : endings.unset;
      writer.raw(data.parent !== undefined && data.remoteParent ? ending.remote : ending.local);
      return { bytes: writer.block, at: writer.start, length: writer.at };
    },
    block: createBlocks(spanAttributes, valueLength),
  };
}

/** Milliseconds to [seconds, nanoseconds]. */
export function toHrTime(ms: number): HrTime {
  const seconds = Math.trunc(ms / 1_000);
  return [seconds, Math.trunc((ms - seconds * 1_000) * 1e6)];
}
