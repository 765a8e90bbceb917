// Checks a whole log: that no line was changed, removed, moved, copied or cut off, as far as that can be seen. What was cut
// off the very end can only be seen by what is known from outside (a head, a number) or by a later file; without that, verify
// says how the log ends and leaves the judgement to the reader. Reads line by line, so that size does not matter.

import { type CheckpointSummary, createCheckpointCheck } from './check-checkpoints.ts';
import { createLinkCheck } from './check-links.ts';
import { headerEvent, readHeader } from './header.ts';
import { type Head, type ReadLine, readLine } from './line.ts';
import type { AuditLog } from './log-files.ts';
import { type FileLine, readLines } from './read-lines.ts';
import type { PublicKey } from './signing-key.ts';
import { tornOf } from './tail.ts';

export interface Finding {
  readonly file: string;
  /** From 1; undefined for the file as a whole. */
  readonly line: number | undefined;
  readonly what: string;
}

export interface VerifyOptions {
  /** In the order of the chain. */
  readonly files: AuditLog;
  readonly keys: readonly PublicKey[];
  /** Digest of a line that has to be there: a copy of the head that was kept elsewhere. */
  readonly head?: string | undefined;
  /** Number of a line that has to be there. */
  readonly expectSeq?: number | undefined;
  /** The log has to end with the checkpoint of a gate that was stopped in order. */
  readonly expectClosed?: boolean;
  readonly found: (finding: Finding) => void;
}

export interface Verdict extends CheckpointSummary {
  readonly findings: number;
  readonly lines: number;
  readonly files: number;
  readonly first: number | undefined;
  readonly last: Head | undefined;
  /** New beginnings within a file: runs of a gate that writes to standard output, tied by nothing. */
  readonly runs: number;
  /** Ends that a crash left and the next file tells of. */
  readonly tornAndTold: number;
}

const beheaded = 'is not the first line of a file: what stood before it is missing';

export async function verifyLog(options: VerifyOptions): Promise<Verdict> {
  const { files, keys, found } = options;
  /** What crashes left behind the last line of a file, as the next file tells it. */
  const told = new Set(files.flatMap(({ header }) => header.tornHash ?? []));
  const logs = new Set<string | undefined>();
  let links = createLinkCheck();
  const checkpoints = createCheckpointCheck(keys);
  let findings = 0;
  let lines = 0;
  let first: number | undefined;
  let runs = 1;
  let tornAndTold = 0;
  let headSeen = options.head === undefined;
  let furthest = -1;

  function report(file: string, line: number | undefined, what: string): void {
    findings += 1;
    found({ file, line, what });
  }

  function checkTorn(file: string, { number, bytes }: FileLine): void {
    const hash = tornOf(bytes)?.hash ?? '';
    if (told.has(hash)) tornAndTold += 1;
    else report(file, number, 'is not whole: the gate was stopped while it wrote, or the end was cut off');
  }

  /** Standard output keeps no chain over restarts: in a file of what it said, each run is a log of its own. */
  function beginRun(header: ReadLine, number: number): void {
    const { log } = readHeader(header);
    if (number > 1 && header.seq === 0 && header.prev === '' && header.intact && !logs.has(log)) {
      links = createLinkCheck();
      runs += 1;
    }
    logs.add(log);
  }

  function checkLine(file: string, line: FileLine): void {
    lines += 1;
    const read = readLine(line.bytes);
    const tell = (what: string) => report(file, line.number, what);
    const header = read?.record['event'] === headerEvent;
    if (line.number === 1 && read !== undefined && !header) tell(beheaded);
    if (header) beginRun(read, line.number);
    if (!links.check(read, tell) || read === undefined) return;
    first ??= read.seq;
    headSeen ||= read.hash === options.head;
    furthest = Math.max(furthest, read.seq);
    checkpoints.check(read, tell);
  }

  for (const { path } of files) {
    for await (const chunk of readLines(path))
      for (const line of chunk) (line.whole ? checkLine : checkTorn)(path, line);
  }

  const summary = checkpoints.summary();
  const end = files.at(-1)?.path ?? '';
  if (!headSeen) report(end, undefined, 'the head that was given is not in the log: it was cut off, or replaced');
  if (options.expectSeq !== undefined && furthest < options.expectSeq) {
    report(end, undefined, `the log ends at record ${furthest}, before ${options.expectSeq}: its end was cut off`);
  }
  if (options.expectClosed === true && !summary.closed) {
    report(end, undefined, 'the log does not end with a closing checkpoint');
  }
  if (keys.length > 0 && summary.lastTrusted === undefined) {
    report(end, undefined, 'no checkpoint is signed with a key that was given: anyone may have written this log');
  }
  return { ...summary, findings, lines, files: files.length, first, last: links.head, runs, tornAndTold };
}
