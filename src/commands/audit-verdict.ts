// What verifying a log came to, in words: what holds, and what nobody can tell from the files alone.
// Must never claim more than the hashes and signatures prove.

import { basename } from 'node:path';
import type { AuditLog } from '../audit/log-files.ts';
import type { Verdict } from '../audit/verify.ts';
import { table } from './table.ts';

export function describeVerdict(files: AuditLog, verdict: Verdict, withKey: boolean): string {
  const { findings, lines, last } = verdict;
  const named = files.length === 1 ? (files[0]?.path ?? '') : `${files.length} files to ${files.at(-1)?.path ?? ''}`;
  const result = findings === 0 ? 'nothing found' : findings === 1 ? '1 finding' : `${findings} findings`;
  return [
    `${named}: ${lines} lines, ${result}.`,
    table([
      ['begins', beginning(verdict, files)],
      ['ends', last === undefined ? 'nowhere: there is no record' : `with record ${last.seq}, ${last.hash}`],
      ['', endJudgement(verdict)],
      ['signed', signatures(verdict, withKey)],
      ...(verdict.runs > 1
        ? [['runs', `${verdict.runs}, each a log of its own: standard output ties none to the next`]]
        : []),
      ...(verdict.tornAndTold > 0
        ? [['torn', `${verdict.tornAndTold} unfinished ends, each told by the file after it`]]
        : []),
    ]),
  ].join('\n');
}

function beginning({ first }: Verdict, files: AuditLog): string {
  if (first === undefined) return 'nowhere';
  if (first === 0) return 'with record 0, the first of the log';
  return `with record ${first} in ${basename(files[0]?.path ?? '')}: those before it were not given`;
}

function endJudgement({ closed }: Verdict): string {
  return closed
    ? 'the gate was stopped in order there; whole files after it can only be missed with --head or --expect-seq'
    : 'without a closing checkpoint: still written, stopped hard, or cut off; --head or --expect-seq can tell';
}

function signatures({ signed, lastTrusted, checkpoints, last }: Verdict, withKey: boolean): string {
  if (lastTrusted !== undefined) {
    const after = (last?.seq ?? 0) - lastTrusted.seq;
    return `up to record ${lastTrusted.seq} (${lastTrusted.time}); the ${after} lines after it could be replaced by whoever can write files`;
  }
  if (withKey) return 'by none of the keys given';
  if (signed > 0) return `${signed} of ${checkpoints} checkpoints; not checked, since no --key was given`;
  return 'not at all: whoever can write files could have written another log that fits as well';
}
