// Follows the list: reads it whenever it may have changed and hands on what it says.
// A list that cannot be read, or lost lines, or has broken ones, never ends a revocation: it is told, until it is mended.

import { errorCode } from '../base/error-code.ts';
import type { Log } from '../base/ports.ts';
import { fileState, readList } from './list-file.ts';
import { createReadList, type Problem } from './reading.ts';
import type { Registry, Tell } from './registry.ts';

export interface FollowOptions {
  /** Absolute path of the list. */
  readonly file: string;
  readonly registry: Registry;
  readonly tell: Tell;
  readonly log: Log;
}

export interface ListStatus {
  readonly file: string;
  /** What is wrong with it now, the first few; empty when all is well. */
  readonly problems: readonly Problem[];
  readonly problemCount: number;
}

export interface Follower {
  /** Reads the list again. Resolves when what it says at this moment is in force. Never rejects: see `status`. */
  refresh(): Promise<void>;
  /** The same, if the file looks different from the last time, or could not be read then. */
  look(): Promise<void>;
  status(): ListStatus;
}

export function createFollower({ file, registry, tell, log }: FollowOptions): Follower {
  const read = createReadList();
  let problems: readonly Problem[] = [];
  let problemCount = 0;
  let state: string | undefined;
  let told = '';
  let turn: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | undefined;

  async function readOnce(): Promise<void> {
    try {
      // Before the reading: what changes meanwhile is seen the next time.
      state = await fileState(file);
      const reading = await read(await readList(file));
      ({ problems, problemCount } = reading);
      await registry.apply(reading, tell).catch((failure: unknown) => {
        log.error({ err: failure }, 'revocation: not carried out everywhere');
      });
      const { kept } = registry.stats();
      if (kept > 0) problem(`${kept} entries are not in the file any more and stay in force until they are lifted`);
    } catch (failure) {
      state = undefined;
      problemCount = 0;
      problems = [];
      problem(`cannot be read (${errorCode(failure)}); what was known stays in force`);
    }
    tellProblems();
  }

  function problem(what: string): void {
    problemCount += 1;
    problems = [...problems, { line: 0, what }];
  }

  /** Once for each state of affairs: the list is looked at often. */
  function tellProblems(): void {
    const now = JSON.stringify([problemCount, problems]);
    if (now === told) return;
    told = now;
    if (problemCount > 0) log.error({ file, problems, count: problemCount }, 'revocation list has problems');
    else log.info({ file, entries: registry.entries().length }, 'revocation list read');
  }

  /** One reading at a time; whoever asks meanwhile shares the next one. */
  function refresh(): Promise<void> {
    waiting ??= turn.then(() => {
      waiting = undefined;
      return readOnce();
    });
    turn = waiting;
    return waiting;
  }

  return {
    refresh,
    async look() {
      if (state === undefined || (await fileState(file)) !== state) await refresh();
    },
    status: () => ({ file, problems, problemCount }),
  };
}
