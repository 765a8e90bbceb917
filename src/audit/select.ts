// The records of a log that somebody asks about, found line by line. What was tampered with is shown like any other record:
// whether a log is whole is for `verify` to say.

import type { Json, JsonObject } from '../principal.ts';
import { isObject, readLine } from './line.ts';
import { readLines } from './read-lines.ts';

/** Records shown at once; stops a question that is too wide from filling memory. */
export const maxSelected = 20_000;

export interface Question {
  readonly trace?: string | undefined;
  /** Issuer's name or pseudonym of the subject. */
  readonly subject?: string | undefined;
  /** Name of the caller, or of any actor of the chain. */
  readonly actor?: string | undefined;
  readonly root?: string | undefined;
  /** ISO 8601 in UTC with milliseconds, both included. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

export interface Selection {
  /** In the order of the log. */
  readonly records: readonly JsonObject[];
  /** There were more than {@link maxSelected}. */
  readonly cut: boolean;
}

export async function selectRecords(files: readonly string[], question: Question): Promise<Selection> {
  const needles = [question.trace, question.subject, question.actor, question.root].flatMap((text) =>
    text === undefined ? [] : [Buffer.from(JSON.stringify(text))],
  );
  const records: JsonObject[] = [];
  for (const file of files) {
    for await (const chunk of readLines(file)) {
      for (const { bytes } of chunk) {
        if (!needles.every((needle) => bytes.includes(needle))) continue;
        const record = readLine(bytes)?.record;
        if (record === undefined || !answers(record, question)) continue;
        if (records.length === maxSelected) return { records, cut: true };
        records.push(record);
      }
    }
  }
  return { records, cut: false };
}

function answers(record: JsonObject, { trace, subject, actor, root, since, until }: Question): boolean {
  const { event, time } = record;
  if (typeof event !== 'string' || event.startsWith('postern.audit.') || typeof time !== 'string') return false;
  if (trace !== undefined && record['trace_id'] !== trace) return false;
  if (root !== undefined && record['root_id'] !== root) return false;
  if (subject !== undefined && !isNamed(record['subject'], subject)) return false;
  if (actor !== undefined && !actorsOf(record).some((one) => isNamed(one, actor))) return false;
  return (since === undefined || time >= since) && (until === undefined || time <= until);
}

function actorsOf({ caller, actors }: JsonObject): readonly Json[] {
  return [...(caller === undefined ? [] : [caller]), ...(Array.isArray(actors) ? actors : [])];
}

function isNamed(party: Json | undefined, name: string): boolean {
  return isObject(party) && (party['sub'] === name || party['id'] === name);
}
