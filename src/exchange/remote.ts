// A worker's share in the credentials of all workers: asks the thread that keeps them, and goes to the issuer where it is told
// to, for itself and for whoever waits elsewhere. A worker that is not answered waits no longer than for an issuer.
// Must never keep a credential: that is for the cache, which knows when it ends.

import { asRefusal, Refusal } from '../base/errors.ts';
import type { Member } from './cache.ts';
import {
  type Answer,
  type Landing,
  packObtained,
  packRefusal,
  unpackObtained,
  unpackRefusal,
  type Want,
} from './handover.ts';
import type { Share, SharedCredentials, Told } from './shared.ts';

/** Questions open at one time; stops a thread that does not answer from filling the worker's memory. */
const maxOpen = 8_192;

export interface RemotePorts {
  want(want: Want): void;
  landed(landing: Landing): void;
  forget(member: Member): void;
  closed(): void;
}

export interface RemoteCredentials extends SharedCredentials {
  answered(id: number, answer: Answer): void;
  readonly told: Told;
}

export function createRemoteCredentials(ports: RemotePorts): RemoteCredentials {
  const open = new Map<number, (answer: Answer) => void>();
  let joined: Told | undefined;
  let last = 0;

  function question(wanted: Want['wanted']): { readonly id: number; readonly answer: Promise<Answer> } {
    if (open.size >= maxOpen) throw new Refusal('exchange_overloaded', { detail: 'too many credentials are wanted' });
    last += 1;
    const id = last;
    const { promise: answer, resolve } = Promise.withResolvers<Answer>();
    open.set(id, resolve);
    ports.want({ id, wanted });
    return { id, answer };
  }

  const share: Share = {
    async obtain(wanted, ask) {
      const { id, answer } = question(wanted);
      const told = await answer;
      if (told.kind === 'obtained') return { obtained: unpackObtained(told.obtained), from: told.from };
      if (told.kind === 'refused') throw unpackRefusal(told.refusal);
      const { key } = wanted;
      try {
        const obtained = await ask();
        ports.landed({ id, key, outcome: { kind: 'obtained', obtained: packObtained(obtained) } });
        return { obtained, from: 'miss' };
      } catch (failure) {
        ports.landed({ id, key, outcome: { kind: 'refused', refusal: packRefusal(asRefusal(failure)) } });
        throw failure;
      }
    },
    forget: ports.forget,
    close: ports.closed,
  };

  return {
    join(told) {
      joined = told;
      return share;
    },
    answered(id, answer) {
      open.get(id)?.(answer);
      open.delete(id);
    },
    told: {
      drop: (key, fingerprint) => joined?.drop(key, fingerprint),
      forget: (member) => joined?.forget(member),
    },
  };
}
