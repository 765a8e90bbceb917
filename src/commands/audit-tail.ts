// postern audit tail: the log as it is written, one line for each record, for people who want to see what happens now.
// Only reads; must never hold the file open in a way that stops its rotation.

import { parseArgs } from 'node:util';
import { follow } from '../audit/follow.ts';
import { textOf } from '../audit/incident.ts';
import { readLine } from '../audit/line.ts';
import { errorCode } from '../base/error-code.ts';
import type { JsonObject } from '../principal.ts';
import { describeCall, describeEvent, describeExchange, describeParties, show } from './audit-text.ts';
import { CommandError, UsageError } from './failure.ts';
import { onStopSignal } from './signals.ts';

/** Lines of the past, at most. */
const maxLines = 1_000;

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { lines: { type: 'string', default: '10' }, json: { type: 'boolean', default: false } },
  });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError('name one FILE: the one the gate writes to');
  const last = /^\d{1,4}$/.test(values.lines) ? Number(values.lines) : Number.NaN;
  if (!(last <= maxLines)) throw new UsageError(`--lines is no number from 0 to ${maxLines}`);
  const stop = new AbortController();
  onStopSignal(() => stop.abort());
  await printLines({ file, last, signal: stop.signal, json: values.json, print: (line) => console.log(line) });
  return 0;
}

export interface TailOptions {
  readonly file: string;
  readonly last: number;
  readonly signal: AbortSignal;
  readonly json: boolean;
  readonly print: (line: string) => void;
  readonly lookEveryMs?: number;
}

/** Resolves when the signal ends it. */
export async function printLines({ json, print, ...options }: TailOptions): Promise<void> {
  let next: number | undefined;
  try {
    for await (const bytes of follow(options)) {
      const line = readLine(bytes);
      if (line !== undefined && next !== undefined && line.seq > next) {
        print(`-- ${line.seq - next} records were not seen: the file was set aside twice meanwhile --`);
      }
      if (line !== undefined) next = line.seq + 1;
      print(json ? bytes.toString() : describe(line?.record));
    }
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause)) throw cause;
    throw new CommandError(`cannot read ${options.file} (${errorCode(cause)})`, { cause });
  }
}

function describe(record: JsonObject | undefined): string {
  if (record === undefined) return '-- a line that is no audit record --';
  const event = textOf(record['event']) ?? '';
  const time = show(record['time']);
  if (event.startsWith('postern.access.')) {
    return `${time}  ${describeParties(record)}: ${describeCall(record)}  trace ${show(record['trace_id'])}`;
  }
  if (record['exchange'] !== undefined) return `${time}  ${describeParties(record)}: ${describeExchange(record)}`;
  return `${time}  ${describeEvent(record)}`;
}
