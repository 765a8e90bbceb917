// Credentials that several gates have in common: the port behind the cache of each. Asked only on a miss, so that a hit costs
// what it costs alone. The default is for a gate alone, and shares with nobody.
// A store behind this port holds to what the cache holds to: nothing that is over, nothing that was forgotten.

import type { CacheResult } from '../credential.ts';
import type { Member } from './cache.ts';
import type { Obtained } from './obtained.ts';

/** A credential, and where it came from: `miss` was obtained just now and here. */
export interface Brought {
  readonly obtained: Obtained;
  readonly from: Exclude<CacheResult, 'bypass'>;
}

export interface Wanted {
  readonly key: string;
  /** Everyone it would speak for or act through. */
  readonly members: readonly Member[];
  /** Fingerprint of the one that is had already and will not do: rejected by the upstream, or due for renewal. */
  readonly unlike: string | undefined;
}

/** What one gate is told by the others. */
export interface Told {
  /** The credential with this fingerprint was replaced, because an upstream rejected it. */
  drop(key: string, fingerprint: string): void;
  /** A party was revoked: every credential of which it is a member goes. */
  forget(member: Member): void;
}

/** One gate's share. */
export interface Share {
  /**
   * What another has, or what `ask` brings: of all gates that want the same at one time, one asks.
   * @throws Refusal what `ask` throws, here or there
   */
  obtain(wanted: Wanted, ask: () => Promise<Obtained>): Promise<Brought>;
  forget(member: Member): void;
  /** Nothing is asked or told any more. */
  close(): void;
}

export interface SharedCredentials {
  /** @param told called for what happens elsewhere */
  join(told: Told): Share;
}

/** A gate alone. */
export const sharedWithNobody: SharedCredentials = {
  join: () => ({
    obtain: async (_wanted, ask) => ({ obtained: await ask(), from: 'miss' }),
    forget() {},
    close() {},
  }),
};
