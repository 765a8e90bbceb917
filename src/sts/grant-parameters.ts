// Reads the parameters of a token request as the provider library hands them over: own properties that hold a string, a
// list of strings (a repeated parameter) or nothing. Must never read an inherited property or take another type for text.

export interface GrantParameters {
  /** The value of a parameter sent once; undefined when absent or empty. Repetition is refused before this is reached. */
  one(name: string): string | undefined;
  /** Every value of a parameter that may be repeated. */
  all(name: string): readonly string[];
}

export function readParameters(given: object): GrantParameters {
  const values = new Map<string, unknown>(Object.entries(given));
  const all = (name: string): readonly string[] => {
    const value = values.get(name);
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return list.filter((item) => typeof item === 'string').filter((item) => item !== '');
  };
  return { all, one: (name) => all(name)[0] };
}
