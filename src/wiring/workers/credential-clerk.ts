// A worker's side of the credentials that all workers share: one share for each edition of the configuration, since a
// credential obtained under one is not good under another.

import { createRemoteCredentials, type RemoteCredentials } from '../../exchange/remote.ts';
import type { SharedCredentials } from '../../exchange/shared.ts';
import type { Order, Report } from './messages.ts';

type CredentialOrder = Extract<Order, { kind: 'answered' | 'drop' | 'forget' }>;

export interface CredentialClerk {
  of(edition: number): SharedCredentials;
  received(order: CredentialOrder): void;
}

export function createCredentialClerk(post: (report: Report) => void): CredentialClerk {
  const editions = new Map<number, RemoteCredentials>();
  return {
    of(edition) {
      const credentials = createRemoteCredentials({
        want: (want) => post({ kind: 'want', edition, want }),
        landed: (landing) => post({ kind: 'landed', edition, landing }),
        forget: (member) => post({ kind: 'forget', edition, member }),
        closed() {
          editions.delete(edition);
          post({ kind: 'closed', edition });
        },
      });
      editions.set(edition, credentials);
      return credentials;
    },
    received(order) {
      const credentials = editions.get(order.edition);
      if (order.kind === 'answered') credentials?.answered(order.id, order.answer);
      else if (order.kind === 'drop') credentials?.told.drop(order.key, order.fingerprint);
      else credentials?.told.forget(order.member);
    },
  };
}
