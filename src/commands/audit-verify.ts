// postern audit verify: whether a log is as it was written. Names each finding by file and line, and says in words what was
// checked and what cannot be known, so that nobody takes an unsigned or a cut log for more than it is.

import { parseArgs } from 'node:util';
import { type AuditLog, findLogs } from '../audit/log-files.ts';
import { type PublicKey, readPublicKey } from '../audit/signing-key.ts';
import { type Finding, type Verdict, verifyLog } from '../audit/verify.ts';
import { readTextFileSync } from '../base/read-file.ts';
import { describeVerdict } from './audit-verdict.ts';
import { CommandError, UsageError } from './failure.ts';

/** Findings printed of one log; the rest are counted. */
const maxPrinted = 50;

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      key: { type: 'string', multiple: true, default: [] },
      head: { type: 'string' },
      'expect-seq': { type: 'string' },
      closed: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  if (positionals.length === 0) throw new UsageError('FILE is missing: which audit log?');
  const keys = values.key.map(readKey);
  const expected = {
    head: readHead(values.head),
    expectSeq: readSeq(values['expect-seq']),
    expectClosed: values.closed,
  };
  const logs = logsAt(positionals);
  if (logs.length > 1 && (expected.head ?? expected.expectSeq) !== undefined) {
    throw new UsageError(`these are ${logs.length} logs: name the files of the one whose end is known`);
  }
  let findings = 0;
  for (const files of logs) {
    const found: Finding[] = [];
    const verdict = await verifyLog({
      files,
      keys,
      ...expected,
      found: (one) => found.length < maxPrinted && found.push(one),
    });
    findings += verdict.findings;
    print(files, found, verdict, keys, values.json);
  }
  return findings === 0 ? 0 : 1;
}

function print(
  files: AuditLog,
  found: readonly Finding[],
  verdict: Verdict,
  keys: readonly PublicKey[],
  json: boolean,
): void {
  if (json) {
    console.log(JSON.stringify({ ...verdict, files: files.map(({ path }) => path), found }));
    return;
  }
  for (const { file, line, what } of found) console.log(`${line === undefined ? file : `${file}:${line}`}  ${what}`);
  if (verdict.findings > found.length) console.log(`and ${verdict.findings - found.length} more`);
  console.log(describeVerdict(files, verdict, keys.length > 0));
}

/** @throws CommandError when nothing is there to check: that must never look like a log that is whole. */
export function logsAt(paths: readonly string[]): readonly AuditLog[] {
  let logs: readonly AuditLog[];
  try {
    logs = findLogs(paths);
  } catch (cause) {
    throw new CommandError(cause instanceof Error ? cause.message : 'cannot read the files', { cause });
  }
  if (logs.length === 0) throw new CommandError(`no .jsonl file in ${paths.join(', ')}; name the files`);
  return logs;
}

/** Of a public key in PEM or as a JWK; stops a device, or a log named by mistake, from filling memory. */
const maxKeyBytes = 65_536;

function readKey(file: string): PublicKey {
  let text: string;
  try {
    text = readTextFileSync(file, maxKeyBytes);
  } catch (cause) {
    throw new CommandError(`cannot read the key ${file}`, { cause });
  }
  const key = readPublicKey(text);
  if (key === undefined) throw new CommandError(`${file} is no Ed25519 or P-256 public key, in PEM or as a JWK`);
  return key;
}

function readHead(text: string | undefined): string | undefined {
  const hash = text === undefined ? undefined : /^(?:\d+:)?([A-Za-z0-9_-]{43})$/.exec(text)?.[1];
  if (text !== undefined && hash === undefined) throw new UsageError('--head is no digest of a line (43 characters)');
  return hash;
}

function readSeq(text: string | undefined): number | undefined {
  if (text !== undefined && !/^\d{1,15}$/.test(text)) throw new UsageError('--expect-seq is no number');
  return text === undefined ? undefined : Number(text);
}
