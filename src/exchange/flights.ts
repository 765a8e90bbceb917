// Single flight: at most one exchange per key is under way, and whoever wants its result waits for that one.
// A flight belongs to nobody: a waiter that leaves takes only itself away (lru-cache's `fetch()` ties all waiters to the
// first caller's signal). Flights, waiters and the wait are bounded, so that a hanging issuer cannot pile up calls.

import { Refusal } from '../base/errors.ts';

/** Exchanges under way at one time per issuer: beyond it the issuer is the bottleneck and more calls would only queue. */
const maxFlights = 256;

/** Calls waiting at one time per issuer: each holds a request, its body and its socket. */
const maxWaiters = 4_096;

/** Longest wait for a result, in ms: look-up, exchange and one repetition of it, less than clients' own patience. */
const longestWait = 20_000;

export interface FlightLimits {
  readonly maxFlights?: number;
  readonly maxWaiters?: number;
  readonly waitMs?: number;
}

export interface Landed<T> {
  readonly value: T;
  /** Whether this call started the flight. */
  readonly led: boolean;
}

export interface Flights<T> {
  /**
   * Waits for the flight of this key, starting it if there is none.
   * @param signal lets this waiter leave; rejects with its reason
   * @throws Refusal `exchange_overloaded` or `issuer_timeout`, or whatever `start` rejects with
   */
  join(key: string, start: () => Promise<T>, signal?: AbortSignal): Promise<Landed<T>>;
  has(key: string): boolean;
  size(): number;
}

export function createFlights<T>(limits: FlightLimits = {}): Flights<T> {
  const flying = new Map<string, Promise<T>>();
  let waiters = 0;

  function takeOff(key: string, start: () => Promise<T>): Promise<T> {
    if (flying.size >= (limits.maxFlights ?? maxFlights)) throw overloaded('too many exchanges under way');
    const flight = withinTime(start, limits.waitMs ?? longestWait).finally(() => flying.delete(key));
    flying.set(key, flight);
    return flight;
  }

  return {
    async join(key, start, signal) {
      signal?.throwIfAborted();
      if (waiters >= (limits.maxWaiters ?? maxWaiters)) throw overloaded('too many calls wait for an exchange');
      const under = flying.get(key);
      const flight = under ?? takeOff(key, start);
      waiters += 1;
      try {
        const value = await (signal === undefined ? flight : unlessAborted(flight, signal));
        return { value, led: under === undefined };
      } finally {
        waiters -= 1;
      }
    },
    has: (key) => flying.has(key),
    size: () => flying.size,
  };
}

async function withinTime<T>(start: () => Promise<T>, waitMs: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Refusal('issuer_timeout', { detail: 'the wait is over', retryAfter: 1 })),
    waitMs,
  );
  timer.unref();
  try {
    return await Promise.race([start(), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function unlessAborted<T>(flight: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: left, reject } = Promise.withResolvers<never>();
  const leave = () => reject(signal.reason);
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([flight, left]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

function overloaded(detail: string): Refusal {
  return new Refusal('exchange_overloaded', { detail, retryAfter: 1 });
}
