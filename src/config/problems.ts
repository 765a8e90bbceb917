// Configuration problems for people: each with file, line and column, all at once, in the order of the file.
// Must never show a configured value: it may have come from a secret file.

import type { Problem, Report } from '../base/problem.ts';

export interface Position {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
}

export interface LocatedProblem extends Position {
  /** Path in the configuration as people write it, e.g. `routes[0].allow[1].when`; empty for the file itself. */
  readonly path: string;
  readonly what: string;
  readonly mend: string | undefined;
}

type ConfigPath = readonly (string | number)[];

/** Finds where a path stands in the file; for a path that is not there, its nearest ancestor. */
export type Locate = (path: ConfigPath) => Position;

/** A configuration that cannot be used. The message is one line for each problem. */
export class ConfigError extends Error {
  readonly problems: readonly LocatedProblem[];

  constructor(problems: readonly LocatedProblem[]) {
    const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
    super(sorted.map(problemLine).join('\n'));
    this.name = 'ConfigError';
    this.problems = sorted;
  }
}

/** `file:line:column  path  what; mend` */
function problemLine({ file, line, column, path, what, mend }: LocatedProblem): string {
  const place = `${file}:${line}:${column}`;
  const text = mend === undefined ? what : `${what}; ${mend}`;
  return path === '' ? `${place}  ${text}` : `${place}  ${path}  ${text}`;
}

export interface ProblemReport {
  readonly report: Report;
  /** Those reported so far. */
  readonly problems: readonly LocatedProblem[];
  /** @throws ConfigError when anything was reported. */
  throwIfAny(): void;
}

export interface ReportOptions {
  readonly locate: Locate;
  /** The path in the file of a path as it is reported, where these differ. */
  readonly original?: ((path: ConfigPath) => ConfigPath) | undefined;
  /** Whether a problem at this path of the file is none of its own. */
  readonly follows?: ((path: ConfigPath) => boolean) | undefined;
}

/** Collects the problems that features find when they compile their part of a loaded configuration. */
export function createReport({ locate, original, follows }: ReportOptions): ProblemReport {
  const problems: LocatedProblem[] = [];
  return {
    report: (problem) => {
      const path = original?.(problem.path) ?? problem.path;
      if (follows?.(path) !== true) problems.push(located({ ...problem, path }, locate(path)));
    },
    problems,
    throwIfAny() {
      if (problems.length > 0) throw new ConfigError(problems);
    },
  };
}

export function located({ path, what, mend }: Problem, position: Position): LocatedProblem {
  return { ...position, path: writtenPath(path), what, mend };
}

function writtenPath(path: ConfigPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}
