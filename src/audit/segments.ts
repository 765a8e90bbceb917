// The files of an audit log. Each is one segment of the chain, written by one process from its first line to its last: at a
// start and at each rotation the present file is set aside under a name with its time and first number, and a new one begun.
// Must never write into a file another process began, overwrite one, or change what a crash left behind.

import { fdatasync, openSync, renameSync, type Stats, statSync, unlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { errorCode } from '../base/error-code.ts';
import type { Log } from '../base/ports.ts';
import { type Header, readHeader } from './header.ts';
import { nameAside, type SegmentStart, setAsideFiles } from './segment-names.ts';
import { type AuditSink, createSink, type Sync } from './sink.ts';
import { readFirst, readTail, type Tail } from './tail.ts';

const standardOutput = 1;

/** For the owner only: records name people. */
const mode = 0o600;

/** What the first segment of this process follows. */
export interface Before extends Omit<Tail, 'foreign'> {
  readonly header: Header;
}

export interface Segments {
  readonly before: Before | undefined;
  /** false for pipes and devices: one segment for as long as the process runs. */
  readonly rotates: boolean;
  /**
   * Begins the next segment. @param present what is to be set aside; undefined at the start.
   * @throws when it cannot, leaving the present one where it is.
   */
  next(present: SegmentStart | undefined): AuditSink;
}

export interface SegmentOptions {
  /** undefined for standard output. */
  readonly file: string | undefined;
  readonly log: Log;
  readonly sync?: Sync;
}

/** @throws when the file is no audit log, or cannot be read. */
export function openSegments({ file, log, sync = syncData }: SegmentOptions): Segments {
  const found = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
  if (file === undefined || (found !== undefined && !found.isFile())) {
    const fd = file === undefined ? standardOutput : openSync(file, 'a', mode);
    const sink = createSink({ fd, file: false, sync, log });
    return { before: undefined, rotates: false, next: () => sink };
  }
  return fileSegments(file, found, sync, log);
}

function fileSegments(file: string, found: Stats | undefined, sync: Sync, log: Log): Segments {
  if (found?.size === 0) unlinkSync(file);
  const left = found !== undefined && found.size > 0 ? readPresent(file) : undefined;
  let own: Stats | undefined;

  function setAside(present: SegmentStart | undefined): void {
    const now = statSync(file, { throwIfNoEntry: false });
    if (now === undefined) return;
    if (own !== undefined && (now.ino !== own.ino || now.dev !== own.dev)) {
      throw new Error(`${file} belongs to another process now: give each gate a file of its own`);
    }
    const seq = (left?.before.head?.seq ?? -1) + 1;
    renameSync(file, nameAside(file, present ?? left?.start ?? { time: now.mtime.toISOString(), seq }));
  }

  return {
    before: left?.before ?? lastSetAside(file),
    rotates: true,
    next(present) {
      setAside(present);
      const fd = openSync(file, 'wx', mode);
      own = statSync(file);
      return createSink({ fd, file: true, sync: syncWithFolder(dirname(file), sync), log });
    },
  };
}

function readPresent(file: string): { readonly before: Before; readonly start: SegmentStart | undefined } {
  const { foreign, ...tail } = readTail(file);
  if (foreign) {
    throw new Error(`${file} holds something else than audit records: move it away, or name another file`);
  }
  const first = readFirst(file);
  const time = first?.record['time'];
  const start = first !== undefined && typeof time === 'string' ? { time, seq: first.seq } : undefined;
  if (tail.head !== undefined) return { before: { ...tail, header: readHeader(first) }, start };
  return { before: { head: undefined, header: {}, ...lastSetAside(file), torn: tail.torn }, start };
}

/** The end of the last segment that was set aside: what a new file follows when the present one is gone. */
function lastSetAside(file: string): Before | undefined {
  for (const last of setAsideFiles(file).toReversed()) {
    const { head, torn } = readTail(last);
    if (head !== undefined) return { head, torn, header: readHeader(readFirst(last)) };
  }
  return undefined;
}

/** A new file is only there for good once its folder is on disk too. */
function syncWithFolder(folder: string, sync: Sync): Sync {
  let there = false;
  return async (fd) => {
    await sync(fd);
    if (there) return;
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
    there = true;
  };
}

/** Pipes and terminals cannot be synced; nothing is lost by that. */
async function syncData(fd: number): Promise<void> {
  try {
    await promisify(fdatasync)(fd);
  } catch (failure) {
    if (!['EINVAL', 'ENOTSUP', 'EROFS'].includes(errorCode(failure))) throw failure;
  }
}
