// A value that is there, or will be. Most calls wait for nothing but their upstream: tokens were verified before, a small body
// came with its head, a credential is in the cache. A promise and its turn for each of these cost 3 us of every call.
// A failure always comes through the promise, never at once: whoever calls has one way to hear of it.

export type Awaitable<T> = T | Promise<T>;

/** Goes on with a value, now if it is there. */
export function whenReady<T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Runs work that may be done at once. @returns what it returns; a rejected promise where it throws */
export function attempt<T>(work: () => Awaitable<T>): Awaitable<T> {
  try {
    return work();
  } catch (failure) {
    return Promise.reject(failure);
  }
}
