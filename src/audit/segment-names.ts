// Names of audit files that were set aside: `audit.20261121T120000.000Z-000000000042.jsonl` beside `audit.jsonl`, so that they
// sort by the time they were begun. A name says nothing that `verify` relies on: it reads the order from the lines.

import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';

/** Digits of the first line's number: enough for a thousand lines a second for thirty years. */
const seqDigits = 12;

export interface SegmentStart {
  /** When the segment was begun, ISO 8601. */
  readonly time: string;
  /** Number of its first line. */
  readonly seq: number;
}

/** A name no file has: what was set aside is never overwritten. */
export function nameAside(file: string, { time, seq }: SegmentStart): string {
  const { stem, extension } = partsOf(file);
  const compact = time.replace(/[^0-9A-Z.]/g, '');
  const name = `${stem}.${compact}-${String(seq).padStart(seqDigits, '0')}`;
  for (let again = 0; ; again += 1) {
    const path = join(dirname(file), `${name}${again === 0 ? '' : `-${again}`}${extension}`);
    if (!existsSync(path)) return path;
  }
}

/** Between stem and extension. */
const suffix = /^\.\d{8}T[\d.]+Z-(\d{12,})(?:-\d+)?$/;

/** Files set aside from `file`, in the order of their first lines. */
export function setAsideFiles(file: string): readonly string[] {
  const { stem, extension } = partsOf(file);
  const found = readdirSync(dirname(file)).flatMap((name) => {
    if (!name.startsWith(stem) || !name.endsWith(extension)) return [];
    const seq = suffix.exec(name.slice(stem.length, name.length - extension.length))?.[1];
    return seq === undefined ? [] : [{ name, seq: Number(seq) }];
  });
  found.sort((a, b) => a.seq - b.seq || (a.name < b.name ? -1 : 1));
  return found.map(({ name }) => join(dirname(file), name));
}

function partsOf(file: string): { readonly stem: string; readonly extension: string } {
  const extension = extname(file);
  return { stem: basename(file, extension), extension };
}
