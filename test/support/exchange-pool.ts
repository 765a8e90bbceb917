// Gates that share credentials as workers of one gate do, without the threads: what they say to each other is copied as between
// threads, so that a test sees what would really arrive.

import type { Clock } from '../../src/base/ports.ts';
import { createPool, type Holder, type Pool } from '../../src/exchange/pool.ts';
import { createRemoteCredentials } from '../../src/exchange/remote.ts';
import type { SharedCredentials } from '../../src/exchange/shared.ts';

export interface TestPool extends Pool {
  /** One more worker. */
  worker(): { readonly shared: SharedCredentials; dies(): void };
}

export function testPool(clock: Clock, options: { readonly turnMs?: number } = {}): TestPool {
  const pool = createPool({ clock, ...options });
  return {
    ...pool,
    worker() {
      let alive = true;
      const said = <T>(message: T, heard: (message: T) => void) => {
        if (alive) heard(structuredClone(message));
      };
      const remote = createRemoteCredentials({
        want: (want) => said(want, (heard) => pool.want(holder, heard)),
        landed: (landing) => said(landing, (heard) => pool.landed(holder, heard)),
        forget: (member) => said(member, (heard) => void pool.forget(heard, holder)),
        closed: () => pool.leave(holder),
      });
      const holder: Holder = {
        answer: (id, answer) => said(answer, (heard) => remote.answered(id, heard)),
        drop: (key, fingerprint) => remote.told.drop(key, fingerprint),
        forget: (member) => remote.told.forget(member),
      };
      pool.join(holder);
      return {
        shared: remote,
        dies() {
          alive = false;
          pool.leave(holder);
        },
      };
    },
  };
}
