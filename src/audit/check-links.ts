// Whether each line follows the one before it: what was changed, is missing, stands in the wrong place or stands there twice.
// Tells each mistake once, at the line where it shows, and goes on from there, so that one edit does not make a thousand findings.

import { beginning, type Head, type ReadLine } from './line.ts';

export type ReportLine = (what: string) => void;

export interface LinkCheck {
  /** @param line undefined for what is no record. @returns whether the chain goes on from it, unchanged as it is. */
  check(line: ReadLine | undefined, report: ReportLine): boolean;
  /** The last line of the chain. */
  readonly head: Head | undefined;
}

export function createLinkCheck(): LinkCheck {
  let head: Head | undefined;
  /** The digest of the line before is not known: it was changed, and that has been told. */
  let unsure = false;
  /** Lines since `head` that are no records. */
  let unread = 0;

  function standAt(next: Head, known: boolean): void {
    head = next;
    unsure = !known;
    unread = 0;
  }

  function changed(report: ReportLine): boolean {
    report('was changed after it was written');
    if (head !== undefined) standAt({ seq: head.seq + unread + 1, hash: '' }, false);
    return false;
  }

  function place(line: ReadLine, before: Head, report: ReportLine): boolean {
    const expected = before.seq + unread + 1;
    if (line.seq < expected) {
      report(`stands in the wrong place, or is a copy: it is record ${line.seq}, where ${expected} belongs`);
      return false;
    }
    const follows = unsure || unread > 0 || line.prev === before.hash;
    if (line.seq > expected) report(missing(expected, line.seq - 1));
    else if (!follows) report('does not follow the line before it: one of the two was replaced');
    standAt(line, true);
    return true;
  }

  return {
    check(line, report) {
      if (line === undefined) {
        report('is no audit record');
        unread += 1;
        return false;
      }
      if (!line.intact) return changed(report);
      if (head !== undefined) return place(line, head, report);
      standAt(line, true);
      const first = line.seq === beginning.seq + 1;
      if (first && line.prev !== beginning.hash) report('calls itself the first record, and names one before it');
      return true;
    },
    get head() {
      return head;
    },
  };
}

function missing(from: number, to: number): string {
  return from === to ? `record ${from} is missing before it` : `records ${from} to ${to} are missing before it`;
}
