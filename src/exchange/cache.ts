// Credentials that were issued, until shortly before they end. The key is a digest of everything the answer depends on;
// the life is the shortest of all lives involved, less a margin. An expired credential is never handed out: freshness is
// looked at again on every read.

import { type DigestField, digest } from '../base/digest.ts';
import type { Clock } from '../base/ports.ts';
import { createRecent, type Marked } from '../base/recent.ts';
import { Secret } from '../base/secret.ts';
import type { CredentialFacts } from '../credential.ts';
import type { Obtained } from './obtained.ts';
import type { ExchangePlan } from './plan.ts';

/**
 * Credentials kept by default: callers times users times routes must not fill the memory of the gate. At 3 KiB each about
 * 50 MiB; 10,000 users of one agent fit with room to spare.
 */
export const defaultCacheEntries = 16_384;

/**
 * Digest of every input: a field left out here is a credential handed to the wrong call (AuthBridge keys by subject and
 * audience only). What is sent is taken from the plan whole, so a new parameter of a grant is in the key by itself;
 * added is what decides without being sent: the parties of the chain, what is expected, the mode and limit of verification.
 */
export function cacheKey(plan: Omit<ExchangePlan, 'key'>): string {
  const parties = plan.members.flatMap(({ iss, sub }): DigestField[] => [iss, sub]);
  const inputs = plan.inputs.map(([name, value]) => [name, value instanceof Secret ? value.reveal() : value]);
  const lifetime = plan.maxLifetime === undefined ? undefined : String(plan.maxLifetime);
  return digest([
    plan.exchange,
    plan.grant,
    plan.endpoint,
    plan.clientId,
    plan.audience,
    plan.resources,
    plan.scopes,
    plan.requestedTokenType,
    plan.verify,
    lifetime,
    String(plan.members.length),
    ...parties,
    ...inputs,
  ]);
}

/** A party of a delegation chain; `iss` undefined where the token does not say. */
export interface Member {
  readonly iss: string | undefined;
  readonly sub: string;
}

export interface Cached {
  readonly obtained: Obtained;
  /** Everyone the credential speaks for or acts through: each of them can be revoked. */
  readonly members: readonly Member[];
}

/** Where a credential is cached. Empty from the moment it is dropped, for whatever reason: it may be remembered and asked again. */
export interface Place extends Marked {
  obtained: Obtained | undefined;
  readonly members: readonly Member[];
}

export interface CredentialCache {
  /** undefined when there is none, or it is no longer fresh. */
  get(key: string): Place | undefined;
  /** What `get` would find in a place that it gave before, without looking it up; undefined where only `get` can tell. */
  at(place: Place): Obtained | undefined;
  /** Keeps a credential unless its life is over, or something was forgotten since `era` was read. */
  put(key: string, cached: Cached, era: number): void;
  /** Drops the entry if it still holds the credential with this fingerprint (another call may have renewed it already). */
  drop(key: string, fingerprint: string): void;
  /** Drops every credential that this party is a member of. @returns how many */
  forget(member: Member): number;
  /** Drops every credential of which the facts say so. @returns how many */
  forgetIssued(concerned: (facts: CredentialFacts) => boolean): number;
  /** Changes whenever something is forgotten: what was asked for before must not be kept after. */
  era(): number;
  /** All there are, fresh or not. */
  entries(): Iterable<readonly [key: string, obtained: Obtained]>;
  size(): number;
  clear(): void;
}

export function createCredentialCache({ clock, max }: { clock: Clock; max: number }): CredentialCache {
  const keysOfSub = new Map<string, Set<string>>();
  const store = createRecent<Place>({ most: max, gone: leave });
  let era = 0;

  function index(members: readonly Member[], key: string): void {
    for (const { sub } of members) {
      const keys = keysOfSub.get(sub);
      if (keys === undefined) keysOfSub.set(sub, new Set([key]));
      else keys.add(key);
    }
  }

  /** Emptied, so that whoever remembers the place neither uses the credential nor keeps it in memory. */
  function leave(place: Place, key: string): void {
    place.obtained = undefined;
    for (const { sub } of place.members) {
      const keys = keysOfSub.get(sub);
      keys?.delete(key);
      if (keys?.size === 0) keysOfSub.delete(sub);
    }
  }

  function fresh({ obtained }: Place): Obtained | undefined {
    return obtained !== undefined && clock.now() < obtained.life.usableUntil ? obtained : undefined;
  }

  function all(): (readonly [string, Obtained])[] {
    return [...store.entries()].flatMap(([key, { obtained }]) => (obtained === undefined ? [] : [[key, obtained]]));
  }

  return {
    get(key) {
      const place = store.get(key);
      if (place === undefined || fresh(place) !== undefined) return place;
      store.delete(key);
      return undefined;
    },
    at(place) {
      if (!place.used) place.used = true;
      return fresh(place);
    },
    put(key, { obtained, members }, since) {
      if (since !== era || clock.now() >= obtained.life.usableUntil) return;
      store.set(key, { obtained, members, used: false });
      index(members, key);
    },
    drop(key, fingerprint) {
      if (store.peek(key)?.obtained?.facts.fingerprint === fingerprint) store.delete(key);
    },
    forget(member) {
      era += 1;
      const keys = [...(keysOfSub.get(member.sub) ?? [])];
      const concerned = keys.filter((key) => store.peek(key)?.members.some((other) => isSame(other, member)));
      for (const key of concerned) store.delete(key);
      return concerned.length;
    },
    forgetIssued(concerned) {
      era += 1;
      const keys = all().flatMap(([key, { facts }]) => (concerned(facts) ? [key] : []));
      for (const key of keys) store.delete(key);
      return keys.length;
    },
    era: () => era,
    entries: all,
    size: () => store.size,
    clear() {
      era += 1;
      store.clear();
    },
  };
}

/** An issuer that is not named could be any: forgetting one credential too many costs one exchange. */
function isSame(a: Member, b: Member): boolean {
  return a.sub === b.sub && (a.iss === undefined || b.iss === undefined || a.iss === b.iss);
}
