// Spans that wait for one request, as the bytes of that request: written where they will be sent from.
// As objects in a queue they outlived the young generation when the collector was slow, and the collections of the old one
// then cost as much as the spans themselves (45 us of a sampled call; docs/adr/0011).
// Must never hand out memory that is still being sent.

import type { RequestHead } from './otlp-request.ts';

/** Memory of a batch to begin with, in bytes; twice as much is taken when it is full. */
const firstBytes = 262_144;

/** A batch that grew beyond this is not kept for another. */
const maxKeptBytes = 2_097_152;

/** Batches kept for use: one that fills, one on its way. */
const maxSpare = 2;

/** A length as a varint of always five bytes, which every decoder takes: it is known only when the batch is full. */
const lengthBytes = 5;

export interface SpanBatch {
  readonly spans: number;
  readonly bytes: number;
  /** Copies a Span message, `length` bytes from `at` on. */
  add(source: Buffer, at: number, length: number): void;
  /** The whole ExportTraceServiceRequest. Stays as it is until the batch is given back. */
  request(): Buffer;
}

interface OwnedBatch extends SpanBatch {
  restart(): void;
}

export interface SpanBatches {
  take(): SpanBatch;
  /** Its memory is used again: nothing may read its request any more. */
  giveBack(batch: SpanBatch): void;
}

export function createSpanBatches(head: RequestHead): SpanBatches {
  const spare: OwnedBatch[] = [];
  const owned = new WeakMap<SpanBatch, OwnedBatch>();

  return {
    take() {
      const batch = spare.pop() ?? createBatch(head);
      owned.set(batch, batch);
      return batch;
    },
    giveBack(batch) {
      const mine = owned.get(batch);
      owned.delete(batch);
      if (mine === undefined || spare.length >= maxSpare || batch.bytes > maxKeptBytes) return;
      mine.restart();
      spare.push(mine);
    },
  };
}

/** One ResourceSpans of one ScopeSpans: what precedes the spans is always the same, but for two lengths. */
function createBatch({ resource, scope }: RequestHead): OwnedBatch {
  const inResource = 1 + lengthBytes;
  const inScope = inResource + resource.length + 1 + lengthBytes;
  const begin = inScope + scope.length;
  let bytes = Buffer.allocUnsafeSlow(firstBytes);
  let end = begin;
  let spans = 0;

  bytes[0] = 0x0a;
  resource.copy(bytes, inResource);
  bytes[inScope - 1 - lengthBytes] = 0x12;
  scope.copy(bytes, inScope);

  function ensure(more: number): void {
    if (end + more <= bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(end + more, bytes.length * 2));
    bytes.copy(larger, 0, 0, end);
    bytes = larger;
  }

  return {
    get spans() {
      return spans;
    },
    get bytes() {
      return bytes.length;
    },
    add(source, at, length) {
      ensure(length + 1 + lengthBytes);
      bytes[end++] = 0x12;
      end = writeVarint(bytes, end, length);
      end += source.copy(bytes, end, at, at + length);
      spans += 1;
    },
    request() {
      writeLength(bytes, 1, end - inResource);
      writeLength(bytes, inScope - lengthBytes, end - inScope);
      return bytes.subarray(0, end);
    },
    restart() {
      end = begin;
      spans = 0;
    },
  };
}

function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest >= 0x80) {
    bytes[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[next++] = rest;
  return next;
}

function writeLength(bytes: Buffer, at: number, value: number): void {
  let rest = value;
  for (let i = 0; i < lengthBytes - 1; i += 1) {
    bytes[at + i] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at + lengthBytes - 1] = rest;
}
