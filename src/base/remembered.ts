// What follows from an object that outlives a call, remembered for the next call that has the same object, and given up with it.
// A WeakMap in all but where it is kept: in the object itself. A table of 10,000 entries is one more place that nothing is near to:
// with as many users in turn the six look-ups of a call took 1.5 us less (docs/adr/0016).
// Must never be seen by whoever copies, prints or compares the object: a copy is another object, and remembers nothing.

export interface Remembered<K extends object, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
}

export function createRemembered<K extends object, V>(name: string): Remembered<K, V> {
  const place = Symbol(name);
  return {
    // Nobody else has the symbol: what is there was put there below.
    get: (key) => (key as { readonly [place]?: V })[place],
    set(key, value) {
      Object.defineProperty(key, place, { value, enumerable: false, configurable: true });
    },
  };
}
