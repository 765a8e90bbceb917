// Which files a log is made of, in the order of its chain: named one by one, or all `.jsonl` files of a folder, which may hold
// the logs of several gates. Order and log are read from the first intact lines, since names and times are easy to change;
// verifying tells where the order does not hold.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Header, readHeader } from './header.ts';
import type { ReadLine } from './line.ts';
import { readFirst } from './tail.ts';

/** Files looked at; stops a folder of something else from being read for hours. */
const maxFiles = 100_000;

export interface LogFile {
  readonly path: string;
  /** The first intact line. */
  readonly first: ReadLine | undefined;
  readonly header: Header;
}

/** The files of one log, in order. */
export type AuditLog = readonly LogFile[];

/** @throws when a path is not there, or there are too many files. */
export function findLogs(paths: readonly string[]): readonly AuditLog[] {
  const all = paths.flatMap((path) => (statSync(path).isDirectory() ? filesOf(path) : [path]));
  if (all.length > maxFiles) throw new RangeError(`more than ${maxFiles} files`);
  const files = [...new Set(all)].map((path): LogFile => {
    const first = readFirst(path);
    return { path, first, header: readHeader(first) };
  });
  files.sort((a, b) => seqOf(a) - seqOf(b) || (timeOf(a) < timeOf(b) ? -1 : 1));
  const logs = new Set(files.flatMap(({ header: { log } }) => log ?? []));
  const only = logs.size === 1 ? [...logs][0] : undefined;
  return [...Map.groupBy(files, ({ header: { log } }) => log ?? only).values()];
}

function filesOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => join(folder, name));
}

/** A file that does not say where it belongs comes last: nothing is to be taken for its continuation. */
function seqOf({ first }: LogFile): number {
  return first?.seq ?? Number.MAX_SAFE_INTEGER;
}

function timeOf({ first, path }: LogFile): string {
  const time = first?.record['time'];
  return `${typeof time === 'string' ? time : ''} ${path}`;
}
