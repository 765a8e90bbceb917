// A configuration problem: where it is, what is wrong and how to mend it. Features report problems by path when they
// compile their part; config/load turns paths into file:line:column. Problems are collected, never thrown one by one.

export interface Problem {
  /** Path from the root of the configuration, e.g. ['routes', 0, 'allow', 1, 'when']. */
  readonly path: readonly (string | number)[];
  readonly what: string;
  /** What to write instead, in one clause. */
  readonly mend?: string;
}

export type Report = (problem: Problem) => void;
