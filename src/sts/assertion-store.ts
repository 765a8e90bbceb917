// What the provider library must remember: the ids of client assertions it has seen, until they expire (RFC 7523 section 3:
// an assertion is used once). Everything else it could store (sessions, grants, opaque tokens) does not exist here.
// Must never let the same assertion pass twice, not even when two requests carry it at the same moment.

import { type Adapter, type AdapterFactory, errors } from 'oidc-provider';
import type { Clock } from '../base/ports.ts';

/** Most assertions remembered. Stops a client that signs assertions with far expiries from filling memory. */
const maxAssertions = 50_000;

const nothing = async () => undefined;

export function createAssertionStore(clock: Clock): AdapterFactory {
  const seen = createSeen(clock);
  const assertions: Adapter = {
    ...emptyAdapter,
    async find(id) {
      return seen.has(id) ? { jti: id, kind: 'ReplayDetection' } : undefined;
    },
    async upsert(id, _payload, expiresIn = 0) {
      // The library looks first and stores later; between the two another request may have stored the same id.
      if (seen.has(id)) throw new errors.InvalidClientAuth('client assertion tokens must only be used once');
      if (!seen.add(id, expiresIn)) throw new errors.TemporarilyUnavailable();
    },
  };
  return (model) => (model === 'ReplayDetection' ? assertions : emptyAdapter);
}

const emptyAdapter: Adapter = {
  find: nothing,
  upsert: nothing,
  destroy: nothing,
  consume: nothing,
  findByUid: nothing,
  findByUserCode: nothing,
  revokeByGrantId: nothing,
};

/** Ids that count once until they end; used for proofs of possession too. */
export function createSeen(clock: Clock) {
  const expiryById = new Map<string, number>();
  return {
    has: (id: string) => (expiryById.get(id) ?? 0) > clock.now(),
    add(id: string, seconds: number): boolean {
      if (expiryById.size >= maxAssertions) {
        for (const [other, expiry] of expiryById) if (expiry <= clock.now()) expiryById.delete(other);
      }
      if (expiryById.size >= maxAssertions) return false;
      expiryById.set(id, clock.now() + seconds * 1_000);
      return true;
    },
  };
}
