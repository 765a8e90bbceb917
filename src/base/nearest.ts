// "Did you mean ...?": the known name nearest to a mistyped one, for configuration problems.
// Used at load only. Must never be asked about what an agent sent: it would tell names, and its work grows with length.

/** Longest name compared: the distance table grows with the product of both lengths. */
const maxLength = 64;

/**
 * The known name nearest to `name`, or undefined when none is near enough to be a slip of the finger
 * (more than a third of its letters differ).
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > maxLength) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    if (candidate.length > maxLength) continue;
    const found = distance(name.toLowerCase(), candidate.toLowerCase());
    if (found < bestDistance) [best, bestDistance] = [candidate, found];
  }
  return best;
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours, one each. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const next = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const options = [at(last, column) + 1, at(next, column - 1) + 1, at(last, column - 1) + (same ? 0 : 1)];
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) options.push(at(before, column - 2) + 1);
      next.push(Math.min(...options));
    }
    [before, last] = [last, next];
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
