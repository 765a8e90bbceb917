// Ids of audit events: UUID version 7 (RFC 9562 section 5.7), so that they sort by time wherever records are gathered.
// Order within the log is told by `seq`, never by these.

import { randomUUID } from 'node:crypto';

/** @param ms milliseconds since the epoch */
export function eventId(ms: number): string {
  const time = Math.max(0, Math.trunc(ms)).toString(16).padStart(12, '0').slice(-12);
  // The random bits and the variant of a version 4 UUID stand where version 7 has its own.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
