// What a list says as a whole: its lines in order, so that a later line can lift an earlier one.
// A line that cannot be read is told and changes nothing: neither what other lines revoke, nor what was revoked before.

import { setImmediate } from 'node:timers/promises';
import { type Entry, idOfText, type Line, readEntry } from './entry.ts';

/** Lines that revoke, of one list: more would slow every start; what ended can be taken out of the file. */
export const maxEntries = 100_000;

/** Lines read at a stretch: a long list must not hold up calls. */
const linesAtOnce = 1_000;

/** Problems told of one reading, of all there are. */
const maxTold = 20;

export interface Problem {
  /** From 1. */
  readonly line: number;
  readonly what: string;
}

export interface Reading {
  /** By id. */
  readonly inForce: ReadonlyMap<string, Entry>;
  /** Ids of entries that a later line lifts. */
  readonly lifted: ReadonlySet<string>;
  readonly problems: readonly Problem[];
  readonly problemCount: number;
}

export type ReadList = (text: string) => Promise<Reading>;

/** A list mostly grows: lines that were there the last time are not read again. */
export function createReadList(): ReadList {
  let known: ReadonlyMap<string, Line> = new Map();

  return async function readList(text) {
    const seen = new Map<string, Line>();
    const inForce = new Map<string, Entry>();
    const lifted = new Set<string>();
    const problems: Problem[] = [];
    let problemCount = 0;

    function tell(line: number, what: string): void {
      problemCount += 1;
      if (problems.length < maxTold) problems.push({ line, what });
    }

    /** Were the last line of an id to count, whoever is named by the first would be let in again without a word. */
    function withOwnId(entry: Entry, number: number, text: string): Entry {
      const before = inForce.get(entry.id);
      if (before === undefined || before === entry) return entry;
      tell(number, 'has the id of an earlier line that is not lifted; both are in force');
      return { ...entry, id: idOfText(text) };
    }

    function revoke(entry: Entry, number: number): void {
      if (inForce.size >= maxEntries && !inForce.has(entry.id)) {
        tell(number, `is more than ${maxEntries} entries: take out what has ended`);
        return;
      }
      lifted.delete(entry.id);
      inForce.set(entry.id, entry);
    }

    function take(line: Line, number: number, text: string): void {
      if (line.says === 'nothing') tell(number, line.problem);
      else if (line.says === 'revoked') revoke(withOwnId(line.entry, number, text), number);
      else {
        // Of an entry that is not there any more, too: it may still be in force here.
        lifted.add(line.id);
        inForce.delete(line.id);
      }
    }

    let number = 0;
    for (const line of text.split('\n')) {
      number += 1;
      const content = line.trim();
      if (content === '') continue;
      const read = seen.get(content) ?? known.get(content) ?? readEntry(content);
      seen.set(content, read);
      take(read, number, content);
      if (number % linesAtOnce === 0) await setImmediate();
    }
    known = seen;
    return { inForce, lifted, problems, problemCount };
  };
}
