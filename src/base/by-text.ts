// What follows from a text alone, remembered for the texts that come again: names of header fields above all, of which clients
// use the same few on every call while each arrives as a string of its own.
// Must never remember anything that a value, a caller or the time decides, nor grow with what callers send.

import { ownText } from './own-text.ts';

/** Texts remembered; then all are forgotten, so that whoever sends ever new ones slows the next few calls and no more. */
const maxTexts = 512;

/** Longest text remembered, in characters: names are short. */
const maxLength = 64;

interface Known<T> {
  readonly text: string;
  readonly made: T;
  /** What was asked for after it the last time: clients write their fields in the same order on every call. */
  next: Known<T> | undefined;
}

/**
 * Comparing with the text that is expected takes less than half of looking it up (12 ns for 26); a call asks for eighty names.
 * @param make what is said of a text; must depend on it alone
 */
export function byText<T>(make: (text: string) => T): (text: string) => T {
  const all = new Map<string, Known<T>>();
  let last: Known<T> | undefined;

  function find(text: string): Known<T> | undefined {
    const before = all.get(text);
    if (before !== undefined || text.length > maxLength) return before;
    if (all.size >= maxTexts) {
      all.clear();
      last = undefined;
    }
    const own = ownText(text);
    const known = { text: own, made: make(own), next: undefined };
    all.set(own, known);
    return known;
  }

  return (text) => {
    const expected = last?.next;
    if (expected !== undefined && expected.text === text) {
      last = expected;
      return expected.made;
    }
    const known = find(text);
    if (known === undefined) return make(text);
    if (last !== undefined) last.next = known;
    last = known;
    return known.made;
  };
}
