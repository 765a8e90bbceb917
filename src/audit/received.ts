// Takes what worker threads hand over into the one audit log, and tells them how far it has come.
// Must never acknowledge a batch as on disk that is not, nor as taken where a record of it was lost.

import type { Audit } from './audit.ts';
import type { AuditAcknowledgement, AuditBatch } from './handed.ts';
import { asError } from './trail.ts';

export type TakeBatch = (batch: AuditBatch) => Promise<AuditAcknowledgement>;

export function createTakeBatch({ recorded, flush, obstacle }: Audit): TakeBatch {
  return async (batch) => {
    let failure: string | undefined;
    for (const [event, members] of batch.records) {
      if (!recorded(event, members)) failure = 'a record was not taken';
    }
    if (batch.flush) failure ??= await flush().then(() => undefined, messageOf);
    return { number: batch.number, failure, obstacle: obstacle()?.message };
  };
}

function messageOf(failure: unknown): string {
  return asError(failure).message;
}
