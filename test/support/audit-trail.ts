// Audit logs on real files: one in a folder of its own, a writer for it, and its lines.

import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Test } from 'tap';
import { membersOf } from '../../src/audit/json-text.ts';
import { beginning, digestOf, type Head, sealOf, unsealed } from '../../src/audit/line.ts';
import { findLogs } from '../../src/audit/log-files.ts';
import { openSegments } from '../../src/audit/segments.ts';
import type { SigningKey } from '../../src/audit/signing-key.ts';
import type { Sync } from '../../src/audit/sink.ts';
import { createTrail, type Trail } from '../../src/audit/trail.ts';
import { type Verdict, type VerifyOptions, verifyLog } from '../../src/audit/verify.ts';
import type { Log } from '../../src/base/ports.ts';
import { silentLog } from './log.ts';

/** 2026-11-21T12:00:00Z, in milliseconds. */
const start = 1_795_262_400_000;

export function auditFile(t: Test): string {
  return join(t.testdir({}), 'audit.jsonl');
}

export interface TrailChanges {
  /** undefined for standard output. */
  readonly file?: string;
  readonly key?: SigningKey | undefined;
  readonly checkpoints?: { readonly records: number; readonly interval: number };
  readonly rotation?: { readonly size: number; readonly age: number };
  /** Milliseconds since the start. */
  readonly now?: () => number;
  readonly log?: Log;
  readonly sync?: Sync;
  readonly copy?: (line: string) => void;
}

export interface OpenTrail extends Omit<Trail, 'append'> {
  append(event: string, fields: object): boolean;
}

export function openTrail({ file, now = () => 0, log = silentLog, sync, key, ...changes }: TrailChanges): OpenTrail {
  const trail = createTrail({
    segments: openSegments({ file, log, ...(sync === undefined ? {} : { sync }) }),
    key,
    checkpoints: { records: 1_000, interval: 60_000 },
    rotation: { size: 1_048_576_000, age: 86_400_000 },
    clock: { now: () => start + now() },
    log,
    version: '0.0.0-test',
    ...changes,
  });
  return {
    append: (event, fields) => trail.append(event, membersOf(fields)),
    flush: trail.flush,
    close: trail.close,
    obstacle: trail.obstacle,
    get seq() {
      return trail.seq;
    },
    get waiting() {
      return trail.waiting;
    },
  };
}

/** A line of a chain as the gate writes it, and the place it takes. */
export function seal(after: Head, members: string): { readonly line: string; readonly head: Head } {
  const text = unsealed(after, members);
  const hash = digestOf(Buffer.from(text));
  return { line: text + sealOf(hash), head: { seq: after.seq + 1, hash } };
}

export type Line = Record<string, unknown>;

/** Whole lines of a file, parsed. */
export function linesOf(file: string): Line[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

/** A log of `records` records in one file, closed in order; its lines as text. */
export async function writtenLog(t: Test, { records = 6, ...changes }: TrailChanges & { records?: number } = {}) {
  const file = auditFile(t);
  const trail = openTrail({ file, checkpoints: { records: 3, interval: 60_000 }, ...changes });
  for (let n = 0; n < records; n += 1) trail.append('test', { n });
  await trail.close();
  return { file, lines: readFileSync(file, 'utf8').split('\n').slice(0, -1) };
}

export type Checked = Omit<VerifyOptions, 'files' | 'found' | 'keys'> & { readonly keys?: VerifyOptions['keys'] };

/** What verifying finds, as `LINE what` or, in a log of several files, `FILE:LINE what`; and how the log ends. */
export async function check(paths: string | readonly string[], { keys = [], ...options }: Checked = {}) {
  const logs = findLogs([paths].flat());
  const found: string[] = [];
  let verdict: Verdict | undefined;
  for (const files of logs) {
    const place = files.length === 1 ? () => '' : (file: string) => `${basename(file)}:`;
    verdict = await verifyLog({
      files,
      keys,
      ...options,
      found: ({ file, line, what }) => found.push(`${place(file)}${line ?? ''} ${what}`.trim()),
    });
  }
  if (verdict === undefined) throw new Error('no log is there');
  return { found, verdict, logs: logs.length };
}

/** Writes other lines into a file. */
export function rewrite(file: string, lines: readonly string[]): void {
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
}

/** The records as a chain of their own: what somebody can make who can write files and knows how, but has no key. */
export function sealedAgain(records: readonly Line[], after: Head = beginning): string[] {
  let head = after;
  return records.map(({ seq: _seq, prev: _prev, hash: _hash, ...fields }) => {
    const sealed = seal(head, membersOf(fields));
    head = sealed.head;
    return sealed.line;
  });
}
