// Cuts the bytes of a gRPC stream into messages: one byte of flags, four of length, the message (grpc/grpc,
// doc/PROTOCOL-HTTP2.md, "Length-Prefixed-Message"). The length is judged before a byte of the message is kept.

import { WorkloadFailure } from './failure.ts';

/** Largest message, in bytes: gRPC's own default. Stops whoever answers at the socket from filling memory. */
export const maxMessageBytes = 4 * 1024 * 1024;

const headBytes = 5;

export interface Frames {
  /** Messages that are whole with these bytes. @throws WorkloadFailure `too_large`, `malformed` */
  push(chunk: Buffer): readonly Buffer[];
  /** Whether the stream stopped in the middle of a message. */
  isCut(): boolean;
}

export function createFrames(): Frames {
  const head = Buffer.alloc(headBytes);
  /** undefined while the head is being read. */
  let body: Buffer | undefined;
  let filled = 0;

  /** Copied, not collected: a message in pieces of one byte must not become a million buffers. */
  function fill(target: Buffer, chunk: Buffer): number {
    const length = Math.min(target.length - filled, chunk.length);
    chunk.copy(target, filled, 0, length);
    filled += length;
    return length;
  }

  return {
    push(chunk) {
      const messages: Buffer[] = [];
      let rest = chunk;
      while (rest.length > 0) {
        rest = rest.subarray(fill(body ?? head, rest));
        if (body === undefined && filled === headBytes) {
          body = Buffer.alloc(lengthIn(head));
          filled = 0;
        }
        if (body !== undefined && filled === body.length) {
          messages.push(body);
          body = undefined;
          filled = 0;
        }
      }
      return messages;
    },
    isCut: () => body !== undefined || filled > 0,
  };
}

function lengthIn(head: Buffer): number {
  if (head[0] !== 0) throw new WorkloadFailure('malformed', 'the Workload API compresses its answer unasked');
  const length = head.readUInt32BE(1);
  if (length <= maxMessageBytes) return length;
  throw new WorkloadFailure('too_large', `the Workload API answers with more than ${maxMessageBytes} bytes`);
}

/** One uncompressed message, ready to be sent. */
export function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
