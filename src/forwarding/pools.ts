// Connection pools, one per upstream origin and its options, shared by the routes that agree on both. Counts what runs and what
// waits: a pool whose connections are taken would otherwise let calls wait in silence (streams hold theirs for minutes).
// Must never hand a call to an origin other than the pool's own.

import type { AddressPolicy } from '../base/addresses.ts';
import type { Pool } from '../base/http1/exchange.ts';
import { createHttp1Pool, type UpstreamPoolOptions } from '../base/http1/pool.ts';

/**
 * Largest request body sent over HTTP/2, in bytes: one DATA frame of the size every peer takes (RFC 9113, section 4.2), which
 * leaves with its headers. An abandoned call whose body has not gone yet makes Node's session write without end: undici destroys
 * the stream before it was reset (undici 8.12.4, Node 24.21). Larger bodies wait for the upstream's window, and a streamed one
 * for its caller: one caller who hangs up, or one upstream that does not read, would stop the process.
 */
const largestHttp2Body = 16_384;

/** Where a call goes. */
export interface Way {
  readonly pool: Pool;
  readonly http2: boolean;
}

export interface PoolSlot {
  readonly origin: string;
  /** @param body length of the call's body, in bytes; undefined for one that is streamed */
  wayFor(body: number | undefined): Way;
  /** Takes a place for one call, to be given back with `leave`; false when none is left. */
  enter(): boolean;
  /** The call was put on a connection. */
  started(): void;
  /** @param wasStarted whether `started` had been called for it. */
  leave(wasStarted: boolean): void;
}

export interface PoolStats {
  readonly origin: string;
  /** Calls on a connection. */
  readonly active: number;
  /** Calls waiting for one. */
  readonly queued: number;
}

export interface Pools {
  slotFor(route: PoolOptions): PoolSlot;
  stats(): readonly PoolStats[];
  /** Waits for running calls. */
  close(): Promise<void>;
  destroy(): Promise<void>;
}

export interface PoolOptions {
  readonly origin: string;
  readonly http2: boolean;
  readonly maxConnections: number;
  readonly timeouts: { readonly connectMs: number };
}

interface CountedSlot extends PoolSlot {
  counts(): PoolStats;
  /** Those made so far. */
  pools(): readonly Pool[];
}

export function createPools(network: { readonly addresses: AddressPolicy; readonly ca: readonly string[] }): Pools {
  const slots = new Map<string, CountedSlot>();
  const all = () => [...slots.values()].flatMap((slot) => slot.pools());

  return {
    slotFor(route) {
      const key = JSON.stringify([route.origin, route.http2, route.maxConnections, route.timeouts.connectMs]);
      let slot = slots.get(key);
      if (slot === undefined) {
        slot = createSlot(route, network);
        slots.set(key, slot);
      }
      return slot;
    },
    stats: () => [...slots.values()].map((slot) => slot.counts()),
    async close() {
      await Promise.all(all().map((pool) => pool.close()));
    },
    async destroy() {
      await Promise.all(all().map((pool) => pool.destroy()));
    },
  };
}

type Network = Parameters<typeof createPools>[0];

function createSlot(options: PoolOptions, network: Network): CountedSlot {
  const { origin, http2, maxConnections } = options;
  const main: Way = { pool: createPool(options, network), http2 };
  /** Of a route with HTTP/2, for what must not go over it; made for the first such call. */
  let beside: Way | undefined;
  // As many calls may wait as may run: enough for a burst while connections open, too few to hide an overload.
  const places = 2 * maxConnections;
  let active = 0;
  let queued = 0;

  return {
    origin,
    wayFor(body) {
      if (!http2 || (body !== undefined && body <= largestHttp2Body)) return main;
      beside ??= { pool: createPool({ ...options, http2: false }, network), http2: false };
      return beside;
    },
    pools: () => (beside === undefined ? [main.pool] : [main.pool, beside.pool]),
    enter() {
      if (active + queued >= places) return false;
      queued += 1;
      return true;
    },
    started() {
      queued -= 1;
      active += 1;
    },
    leave(wasStarted) {
      if (wasStarted) active -= 1;
      else queued -= 1;
    },
    counts: () => ({ origin, active, queued }),
  };
}

function createPool({ origin, http2, maxConnections, timeouts }: PoolOptions, network: Network): Pool {
  const options = { ...network, origin, maxConnections, connectMs: timeouts.connectMs };
  return http2 ? openHttp2(options) : createHttp1Pool(options);
}

/** Loaded where a route wants it: undici is a tenth of what a start would load, and few upstreams gain by HTTP/2. */
function openHttp2(options: UpstreamPoolOptions): Pool {
  const opened = import('./over-http2.ts').then(({ createHttp2Pool }) => createHttp2Pool(options));
  // Told to whoever sends.
  opened.catch(() => {});
  return {
    send(request, receiver) {
      opened.then(
        (pool) => pool.send(request, receiver),
        (failure: unknown) => receiver.onError(failure),
      );
    },
    close: () => opened.then((pool) => pool.close()),
    destroy: () => opened.then((pool) => pool.destroy()),
  };
}
