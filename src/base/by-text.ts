// What follows from a text alone, remembered for the texts that come again: names of header fields above all, of which clients
// use the same few on every call while each arrives as a string of its own.
// Must never remember anything that a value, a caller or the time decides, nor grow with what callers send.

/** Texts remembered; then all are forgotten, so that whoever sends ever new ones slows the next few calls and no more. */
const maxTexts = 512;

/** Longest text remembered, in characters: names are short. */
const maxLength = 64;

/** @param make what is said of a text; must depend on it alone */
export function byText<T>(make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const made = make(text);
    if (text.length > maxLength) return made;
    if (known.size >= maxTexts) known.clear();
    known.set(text, made);
    return made;
  };
}
