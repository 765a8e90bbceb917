// Where an audit file ends: its last whole record, and what stands after it that no writer finished. Read backwards from the
// end, within bounds, since files are large. Only reads: what a crash left is evidence, and stays as it is.

import { hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type Head, maxLine, type ReadLine, readLine } from './line.ts';

/** Bytes read from an end of the file: what waits for the disk at most may have been written in part, and a line before it. */
const window = 17 * 1_048_576;

const lineEnd = 0x0a;

/** What every record begins with. */
const opening = Buffer.from('{"seq":');

/** Bytes after the last line end: no record yet. */
export interface Torn {
  readonly bytes: number;
  /** SHA-256, base64url. */
  readonly hash: string;
}

export interface Tail {
  /** The last intact record; undefined when there is none. */
  readonly head: Head | undefined;
  readonly torn: Torn | undefined;
  /** It has no record, and is no record that was being written either: somebody else's file. */
  readonly foreign: boolean;
}

export function readTail(file: string): Tail {
  const end = readPart(file, 'end', window);
  const torn = tornOf(end.subarray(end.lastIndexOf(lineEnd) + 1));
  let lastEnd = end.lastIndexOf(lineEnd);
  while (lastEnd !== -1) {
    const before = lastEnd === 0 ? -1 : end.lastIndexOf(lineEnd, lastEnd - 1);
    const line = readLine(end.subarray(before + 1, lastEnd));
    if (line?.intact) return { head: { seq: line.seq, hash: line.hash }, torn, foreign: false };
    lastEnd = before;
  }
  return { head: undefined, torn, foreign: !isOneTornLine(end) };
}

/** The first intact record of a file: its header, unless that was damaged. */
export function readFirst(file: string): ReadLine | undefined {
  const start = readPart(file, 'start', 4 * maxLine);
  let from = 0;
  for (let end = start.indexOf(lineEnd); end !== -1; end = start.indexOf(lineEnd, from)) {
    const line = readLine(start.subarray(from, end));
    if (line?.intact) return line;
    from = end + 1;
  }
  return undefined;
}

export function tornOf(bytes: Buffer): Torn | undefined {
  return bytes.length === 0 ? undefined : { bytes: bytes.length, hash: hash('sha256', bytes, 'base64url') };
}

function isOneTornLine(bytes: Buffer): boolean {
  return bytes.length <= maxLine && !bytes.includes(lineEnd) && opening.equals(bytes.subarray(0, opening.length));
}

function readPart(file: string, which: 'start' | 'end', most: number): Buffer {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    const length = Math.min(size, most);
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(fd, bytes, 0, length, which === 'start' ? 0 : size - length));
  } finally {
    closeSync(fd);
  }
}
