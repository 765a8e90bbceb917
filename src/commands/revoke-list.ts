// What a list of revocations has in force, for people and for machines. Reads the file only: the gate need not run.
// Must never show a list as whole that has lines nobody can read.

import { bounded } from '../base/bounded.ts';
import { errorCode } from '../base/error-code.ts';
import { nearest } from '../base/nearest.ts';
import { systemClock } from '../base/ports.ts';
import { anyIssuer, type Entry, maxLine } from '../revocation/entry.ts';
import { readList } from '../revocation/list-file.ts';
import { createReadList, type Reading } from '../revocation/reading.ts';
import { CommandError } from './failure.ts';
import { table } from './table.ts';

/** @returns exit code: 1 when the list has lines that cannot be read */
export async function printList(file: string, json: boolean): Promise<number> {
  const { problems, problemCount, ...reading } = await readWhole(file);
  const entries = [...reading.inForce.values()].filter(isInForce);
  if (json) console.log(JSON.stringify({ file, entries: entries.map(forMachines), problems }, null, 2));
  else console.log(entries.length === 0 ? `nothing is revoked in ${file}` : table([header, ...entries.map(row)]));
  for (const { line, what } of problems) console.error(`${file}:${line} ${what}`);
  if (problemCount > 0)
    console.error(`postern: ${problemCount} lines cannot be read: what they revoke is not in force`);
  return problemCount === 0 ? 0 : 1;
}

/** @throws CommandError when no such entry is in force */
export async function findEntry(file: string, id: string): Promise<Entry> {
  const { inForce } = await readWhole(file);
  const entry = inForce.get(id);
  if (entry !== undefined && isInForce(entry)) return entry;
  const near = nearest(id, [...inForce.keys()]);
  const hint = near === undefined ? 'postern revoke --list shows those that are' : `did you mean ${near}?`;
  throw new CommandError(`no revocation ${id} is in force; ${hint}`);
}

async function readWhole(file: string): Promise<Reading> {
  const text = await readList(file).catch((cause: unknown) => {
    throw new CommandError(`cannot read the list ${file} (${errorCode(cause)})`, { cause });
  });
  return createReadList()(text);
}

const header = ['id', 'revoked', 'since', 'until', 'by', 'reason'];

function row(entry: Entry): readonly string[] {
  const { id, at, until, by, reason } = entry;
  return [id, describeEntry(entry), at ?? '-', iso(until) ?? '-', by ?? '-', reason ?? ''].map(printable);
}

/** One line for people. */
export function describeEntry(entry: Entry): string {
  const end = entry.until === undefined ? '' : `, until ${iso(entry.until)}`;
  if ('value' in entry) return printable(`${entry.kind === 'root' ? 'delegation' : entry.kind} ${entry.value}${end}`);
  const { kind, party, issuedBefore } = entry;
  const issuer = party.iss === anyIssuer ? 'any issuer' : party.iss;
  const before = issuedBefore === undefined ? '' : `, tokens issued before ${iso(issuedBefore)}`;
  return printable(`${kind} ${party.sub} (${issuer})${before}${end}`);
}

function forMachines(entry: Entry): object {
  const { until, ...rest } = entry;
  const before = 'issuedBefore' in rest ? { issuedBefore: iso(rest.issuedBefore) } : {};
  return { ...rest, ...before, until: iso(until) };
}

function isInForce({ until }: Entry): boolean {
  return until === undefined || systemClock.now() < until;
}

function iso(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

/** Names were chosen by issuers and their users: nothing of them may drive a terminal. */
function printable(text: string): string {
  return bounded(text, maxLine);
}
