// Encoded slashes ("%2F") in a path: data to some servers (a Bedrock model ARN, a file path at GitHub), separators to others.
// They pass only inside a path parameter for which the preset says so, and only if the path means nothing else when they
// are read as separators: must never let one choose an operation that policy did not see.

import { type MatchedOperation, matchOperation, type Operation } from './operation.ts';
import { escapes } from './target.ts';

/** The path as a server reads it that takes encoded slashes for separators. */
export function readApart(segments: readonly string[]): readonly string[] {
  return segments.flatMap((segment) => segment.split('/'));
}

export interface SlashedPath {
  readonly method: string;
  readonly segments: readonly string[];
  /** How many of the target's segments hold an encoded slash. */
  readonly slashed: number;
}

export interface SlashRules {
  readonly operations: readonly Operation[];
  /** Path parameters that may hold an encoded slash. */
  readonly encodedSlashIn: ReadonlySet<string>;
}

/**
 * @param matched the operation the path is; undefined for an unknown one, of whose segments nothing is known.
 * @throws Refusal target_escapes_route
 */
export function refuseStraySlashes(path: SlashedPath, rules: SlashRules, matched: MatchedOperation | undefined): void {
  if (path.slashed === 0) return;
  const admitted = [...(matched?.parameters ?? [])].filter(
    ([name, value]) => value.includes('/') && rules.encodedSlashIn.has(name),
  );
  if (admitted.length !== path.slashed) throw escapes('has an encoded slash');
  const other = matchOperation(rules.operations, path.method, readApart(path.segments), false);
  if (other !== undefined && other.operation.name !== matched?.operation.name) {
    throw escapes('has an encoded slash that makes it another operation');
  }
}
