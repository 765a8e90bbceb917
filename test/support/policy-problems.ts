// Collects what a compile step reports, to compare with what a story expects.

import type { Problem, Report } from '../../src/base/problem.ts';

export interface Collected {
  readonly report: Report;
  readonly problems: readonly Problem[];
  /** `path  what; mend` of each. */
  lines(): string[];
}

export function collectProblems(): Collected {
  const problems: Problem[] = [];
  return {
    problems,
    report: (problem) => problems.push(problem),
    lines: () => problems.map(({ path, what, mend }) => `${path.join('.')}  ${what}; ${mend ?? ''}`),
  };
}
