// The first line of a file: which log it belongs to, what it follows, who writes it. Read with care: a file that was tampered
// with is read like any other.

import { isObject, type ReadLine } from './line.ts';

export const headerEvent = 'postern.audit.segment';

/** What a header tells, as far as it can be read. */
export interface Header {
  /** Id of the file. */
  readonly id?: string;
  /** Id of the log: that of its first file. */
  readonly log?: string;
  /** Digest of what a crash left at the end of the file before. */
  readonly tornHash?: string;
  /** Most records between two checkpoints. */
  readonly checkpointRecords?: number;
}

/** @returns nothing but empty places for a line that is no header. */
export function readHeader(line: ReadLine | undefined): Header {
  const segment = line?.record['segment'];
  if (line?.record['event'] !== headerEvent || !isObject(segment)) return {};
  const { id, log, torn, checkpoint_records: records } = segment;
  const tornHash = isObject(torn) ? torn['hash'] : undefined;
  return {
    ...(typeof id === 'string' && { id }),
    ...(typeof log === 'string' && { log }),
    ...(typeof tornHash === 'string' && { tornHash }),
    ...(typeof records === 'number' && { checkpointRecords: records }),
  };
}
