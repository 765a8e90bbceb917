// Bounds an lru-cache by its number of entries without reserving room for them: with its `max`, arrays for all entries are made
// at once, 0.5 MB for 16,384, and a gate at rest has a dozen of these. Must be the only bound of the cache it is given to.

export interface AtMost {
  readonly maxSize: number;
  readonly sizeCalculation: () => number;
}

/** @param entries most of them kept; one more ends the least recently used */
export function atMost(entries: number): AtMost {
  return { maxSize: entries, sizeCalculation: one };
}

const one = () => 1;
