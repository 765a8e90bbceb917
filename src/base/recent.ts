// A bounded map for what every call looks up. When it is full the next that was not used since it was last gone by is given up
// ("second chance", also called CLOCK): a look-up leaves a mark, and leaves it once.
// lru-cache moves an entry to the end of a list instead: with 10,000 entries in use each move writes to places that no processor
// cache holds, 1.7 us of a call for its two look-ups. Caches that are not on the path of a call stay with it.
// Must never hold more than it was told to, nor anything that was deleted.

/**
 * Used entries that are gone by for one that is given up; then the next goes, used or not. Where all of 16,384 were used, one call
 * would wait 2 to 3 ms for going by every one of them.
 */
const mostPassed = 64;

/** What is kept; the mark is this map's alone to set. */
export interface Marked {
  used: boolean;
}

export interface Recent<V extends Marked> {
  readonly size: number;
  /** Counts as use, unlike `peek`. */
  get(key: string): V | undefined;
  peek(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  entries(): IterableIterator<[string, V]>;
  clear(): void;
}

export interface RecentOptions<V> {
  /** The most that all entries may weigh together. */
  readonly most: number;
  /** What an entry weighs; 1 each when absent. */
  readonly weigh?: (value: V) => number;
  /** Is told of each entry that leaves, however it does. */
  readonly gone?: (value: V, key: string) => void;
}

export function createRecent<V extends Marked>({ most, weigh = one, gone }: RecentOptions<V>): Recent<V> {
  const entries = new Map<string, V>();
  let weight = 0;

  function remove(key: string, value: V): void {
    entries.delete(key);
    weight -= weigh(value);
    gone?.(value, key);
  }

  /**
   * The first that was not used; those before it lose their mark, and queue up again. No iterator is kept from one time to the
   * next: it would hold on to tables that the map has outgrown, and to what was deleted since.
   */
  function giveUpOne(): void {
    let passed = 0;
    for (const [key, value] of entries) {
      if (!value.used || passed >= mostPassed) {
        remove(key, value);
        return;
      }
      passed += 1;
      value.used = false;
      entries.delete(key);
      entries.set(key, value);
    }
  }

  return {
    get size() {
      return entries.size;
    },
    get(key) {
      const value = entries.get(key);
      if (value !== undefined && !value.used) value.used = true;
      return value;
    },
    peek: (key) => entries.get(key),
    set(key, value) {
      const before = entries.get(key);
      if (before !== undefined) remove(key, before);
      const more = weigh(value);
      if (more > most) return;
      while (weight + more > most) giveUpOne();
      entries.set(key, value);
      weight += more;
    },
    delete(key) {
      const value = entries.get(key);
      if (value !== undefined) remove(key, value);
    },
    entries: () => entries.entries(),
    clear() {
      for (const entry of entries) remove(...entry);
    },
  };
}

function one(): number {
  return 1;
}
