// The lines of a file, a chunk's worth at a time, however large the file is. Bytes as they stand there: what is not a line of
// this gate is for the reader to tell, and must be given to it unchanged.

import { createReadStream } from 'node:fs';

/** Bytes read at once. */
const chunkSize = 1_048_576;

/** Longest stretch without a line end that is kept, in bytes; stops a file of something else from filling memory. */
const maxStretch = 17 * 1_048_576;

const lineEnd = 0x0a;

export interface FileLine {
  /** From 1. */
  readonly number: number;
  /** Without the line end. */
  readonly bytes: Buffer;
  /** false for what stands after the last line end. */
  readonly whole: boolean;
}

/** @throws when the file cannot be read. */
export async function* readLines(file: string, options: { start?: number } = {}): AsyncGenerator<readonly FileLine[]> {
  let number = 0;
  let begun: Buffer[] = [];
  let length = 0;

  function lineOf(last: Buffer, whole: boolean): FileLine {
    number += 1;
    const bytes = begun.length === 0 ? last : Buffer.concat([...begun, last]);
    begun = [];
    length = 0;
    return { number, bytes, whole };
  }

  function keep(rest: Buffer): void {
    const room = Math.max(0, maxStretch - length);
    if (rest.length > 0 && room > 0) begun.push(rest.subarray(0, room));
    length += rest.length;
  }

  for await (const chunk of createReadStream(file, { ...options, highWaterMark: chunkSize })) {
    const bytes: Buffer = chunk;
    const lines: FileLine[] = [];
    let from = 0;
    for (let end = bytes.indexOf(lineEnd); end !== -1; end = bytes.indexOf(lineEnd, from)) {
      lines.push(lineOf(bytes.subarray(from, end), true));
      from = end + 1;
    }
    keep(bytes.subarray(from));
    if (lines.length > 0) yield lines;
  }
  if (length > 0) yield [lineOf(Buffer.alloc(0), false)];
}
