// postern audit show: an incident as a person would want to read it. Prints what stands in the records, fit for a terminal;
// whether they are as they were written is for `postern audit verify` to say.

import { parseArgs } from 'node:util';
import { tellIncident } from '../audit/incident.ts';
import { maxSelected, selectRecords } from '../audit/select.ts';
import { type Clock, systemClock } from '../base/ports.ts';
import { printIncident } from './audit-tree.ts';
import { logsAt } from './audit-verify.ts';
import { UsageError } from './failure.ts';
import { instantOf } from './time.ts';

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      trace: { type: 'string' },
      root: { type: 'string' },
      subject: { type: 'string' },
      actor: { type: 'string' },
      since: { type: 'string' },
      until: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  if (positionals.length === 0) throw new UsageError('FILE is missing: which audit log?');
  const { json, since, until, ...names } = values;
  if ([since, ...Object.values(names)].every((value) => value === undefined)) {
    throw new UsageError('say which records: --trace, --root, --subject, --actor or --since');
  }
  const question = { ...names, since: readTime(since, systemClock), until: readTime(until, systemClock) };
  const files = logsAt(positionals).flatMap((log) => log.map(({ path }) => path));
  const { records, cut } = await selectRecords(files, question);
  const incident = tellIncident(records);
  console.log(json ? JSON.stringify({ ...incident, cut }, null, 2) : printIncident(incident));
  if (cut)
    console.error(`postern: more than ${maxSelected} records; the rest is not shown, narrow it down with --since`);
  return 0;
}

/** @returns ISO 8601 as the records have it. @throws UsageError */
export function readTime(text: string | undefined, clock: Clock): string | undefined {
  if (text === undefined) return undefined;
  const at = instantOf(text, 'ago', clock);
  if (at !== undefined) return at;
  throw new UsageError(`"${text}" is no time; write 2026-11-21T12:00:00Z, or 15m for 15 minutes ago`);
}
