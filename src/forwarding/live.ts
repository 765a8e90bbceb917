// The attempts under way, each with the way to end it. A list and not a Set: when a Set grows over entries it has dropped, V8
// leaves its old table behind with pointers to what was in flight then and to the table that followed. Such tables outlive the
// young generation and keep every call alive with them until the next full collection: measured at 60 us of each call,
// half of all the time spent (docs/adr/0011). Here nothing that was removed is pointed to.

export interface Live<T> {
  /** @returns how to take it away again, once. */
  add(item: T): () => void;
  /** A copy: items may be taken away while it is walked. */
  all(): readonly T[];
}

interface Entry<T> {
  readonly item: T;
  /** Its place in the list; -1 when it was taken away. */
  at: number;
}

export function createLive<T>(): Live<T> {
  const entries: Entry<T>[] = [];

  function remove(entry: Entry<T>): void {
    if (entry.at === -1) return;
    const last = entries.pop();
    if (last !== undefined && last !== entry) {
      entries[entry.at] = last;
      last.at = entry.at;
    }
    entry.at = -1;
  }

  return {
    add(item) {
      const entry = { item, at: entries.length };
      entries.push(entry);
      return () => remove(entry);
    },
    all: () => entries.map(({ item }) => item),
  };
}
