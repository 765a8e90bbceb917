// The lines of a log as they are written, over rotations: when another file stands under the name, what the old one still had
// is read first. Asks the file system again and again rather than waiting to be told, since it does not tell everywhere.

import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

/** Between two looks at the file, in milliseconds. */
const lookMs = 250;

/** Bytes read at once; also how far back the last lines are looked for. */
const chunkSize = 1_048_576;

/** Longest stretch without a line end that is kept, in bytes. */
const maxStretch = 17 * 1_048_576;

const lineEnd = 0x0a;

export interface FollowOptions {
  readonly file: string;
  /** Lines that are there already to begin with. */
  readonly last: number;
  /** Ends the following. */
  readonly signal: AbortSignal;
  readonly lookEveryMs?: number;
}

/** Lines without their line ends. @throws when the file is not there at the beginning. */
export async function* follow({ file, last, signal, lookEveryMs = lookMs }: FollowOptions): AsyncGenerator<Buffer> {
  let handle = await open(file, 'r');
  try {
    let begin = await lastLinesFrom(handle, last);
    while (!signal.aborted) {
      const rotated = yield* readOn(handle, begin, () => waitForMore(handle, file, signal, lookEveryMs));
      if (!rotated) return;
      await handle.close();
      handle = await open(file, 'r');
      begin = 0;
    }
  } finally {
    await handle.close();
  }
}

type Next = 'more' | 'rotated' | 'aborted';

/** @returns whether another file goes on from here. */
async function* readOn(handle: FileHandle, begin: number, wait: () => Promise<Next>): AsyncGenerator<Buffer, boolean> {
  const buffer = Buffer.alloc(chunkSize);
  let position = begin;
  let rest = Buffer.alloc(0);
  let rotated = false;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, chunkSize, position);
    position += bytesRead;
    const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    let from = 0;
    for (let end = bytes.indexOf(lineEnd); end !== -1; end = bytes.indexOf(lineEnd, from)) {
      yield bytes.subarray(from, end);
      from = end + 1;
    }
    rest = Buffer.from(bytes.subarray(from, from + maxStretch));
    if (bytesRead > 0) continue;
    if (rotated) return true;
    const next = await wait();
    if (next === 'aborted') return false;
    // Once more to its end: it may have been written to between the last look and the rotation.
    rotated = next === 'rotated';
  }
}

async function waitForMore(handle: FileHandle, file: string, signal: AbortSignal, ms: number): Promise<Next> {
  try {
    await setTimeout(ms, undefined, { signal });
  } catch {
    return 'aborted';
  }
  const [own, named] = await Promise.all([handle.stat(), stat(file).catch(() => undefined)]);
  return named !== undefined && (named.ino !== own.ino || named.dev !== own.dev) ? 'rotated' : 'more';
}

/** Where the last `count` lines begin, as far as one chunk reaches back. */
async function lastLinesFrom(handle: FileHandle, count: number): Promise<number> {
  const { size } = await handle.stat();
  const length = Math.min(size, chunkSize);
  const buffer = Buffer.alloc(length);
  await handle.read(buffer, 0, length, size - length);
  let from = buffer.lastIndexOf(lineEnd) + 1;
  for (let found = 0; found < count && from > 0; found += 1) {
    from = from === 1 ? 0 : buffer.lastIndexOf(lineEnd, from - 2) + 1;
  }
  // Rather fewer lines than one that begins in its middle.
  return size - length + (from === 0 && size > length ? buffer.indexOf(lineEnd) + 1 : from);
}
