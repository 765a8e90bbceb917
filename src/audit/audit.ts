// The audit log of a gate: takes what is to be recorded, and says whether a call may go on. Never sampled, and not sent through
// OpenTelemetry. A record that cannot be written never throws into a call; whether the call goes on without it is decided
// in one place, by configuration.

import { Refusal } from '../base/errors.ts';
import type { Clock, Log } from '../base/ports.ts';
import type { PermittedCall } from '../call.ts';
import type { Principal } from '../principal.ts';
import { type AuditContext, type AuditedEnd, type AuditedExchange, type AuditRecord, createRecords } from './record.ts';
import type { AuditConfig } from './schema.ts';
import { openSegments, type Segments } from './segments.ts';
import { readSigningKey } from './signing-key.ts';
import { asError, createTrail, type Trail } from './trail.ts';

/** Seconds after which a refused caller is told to come back. */
const retryAfter = 5;

export interface AuditParts {
  readonly audit: AuditConfig;
  readonly log: Log;
  /** What users are called on spans, so that records and spans can be joined. */
  readonly pseudonym: (principal: Principal) => string;
  readonly trail: Trail;
}

export interface AuditOptions extends Omit<AuditParts, 'trail'> {
  readonly clock: Clock;
  readonly version: string;
  /** Is given every line, for whoever wants a copy elsewhere; must neither wait nor throw. No call ever waits for it. */
  readonly copy?: ((line: string) => void) | undefined;
  /** Instead of those `audit` names. */
  readonly segments?: Segments;
}

export interface Audit {
  /**
   * Policy lets a call through. Recorded only where calls wait for their records.
   * @returns false when that record was not taken, and `secured` has to be told
   */
  permitted(call: PermittedCall, context: AuditContext): boolean;
  exchanged(exchange: AuditedExchange, context: AuditContext): void;
  ended(end: AuditedEnd, context: AuditContext): void;
  /** Something that belongs to no call, such as `postern.config.changed`. Facts must hold no secret. */
  event(name: string, facts: object): void;
  /** A record that another thread made. @param members its fields, as JSON text. @returns false when it was not taken */
  recorded(event: string, members: string): boolean;
  /** Why records cannot be written, or taken, at the moment. */
  obstacle(): Error | undefined;
  /** Whether a permitted call may go on at once: no record has to be anywhere first, and records are taken. */
  unhindered(): boolean;
  /**
   * Resolves when a permitted call may go on: what was recorded so far is where the configuration wants it.
   * @param untold why the call's own record was not taken; counts only where calls wait for their records
   * @throws Refusal audit_unavailable
   */
  secured(untold?: Error): Promise<void>;
  /** Resolves when all recorded so far is on disk. */
  flush(): Promise<void>;
  /** Never rejects; what is lost is logged. */
  close(): Promise<void>;
  stats(): AuditStats;
}

export interface AuditStats {
  readonly records: readonly { readonly event: string; readonly outcome: RecordOutcome; readonly count: number }[];
  /** Number of the last line: a witness, outside the log, of how long it is. */
  readonly seq: number;
  /** Characters that wait for the disk. */
  readonly waiting: number;
}

/** `unsecured`: the call went on although its record was not on disk. */
type RecordOutcome = 'accepted' | 'failed' | 'unsecured';

/** @throws when the file cannot be begun: a gate that cannot keep its audit log does not start. */
export function openAudit({ audit, clock, log, version, pseudonym, copy, ...given }: AuditOptions): Audit {
  const segments = given.segments ?? openSegments({ file: audit.file, log });
  const key = audit.signing_key && readSigningKey(audit.signing_key);
  const trail = createTrail({ ...audit, segments, key, clock, log, version, copy });
  return createAudit({ audit, log, pseudonym, trail });
}

export function createAudit({ audit, log, pseudonym, trail }: AuditParts): Audit {
  const before = audit.durability === 'before_response';
  const records = createRecords({ form: audit.subject, ocsf: audit.ocsf, pseudonym });
  const counts = new Map<string, Map<RecordOutcome, number>>();
  let unsecured = false;

  function count(event: string, outcome: RecordOutcome): void {
    const of = counts.get(event);
    if (of === undefined) counts.set(event, new Map([[outcome, 1]]));
    else of.set(outcome, (of.get(outcome) ?? 0) + 1);
  }

  function write({ event, members }: AuditRecord): boolean {
    const taken = trail.append(event, members);
    count(event, taken ? 'accepted' : 'failed');
    return taken;
  }

  function notSecured(failure: Error): void {
    const detail = failure.message;
    if (audit.fail === 'closed') throw new Refusal('audit_unavailable', { detail, retryAfter, cause: failure });
    count('postern.access.permitted', 'unsecured');
    if (!unsecured) log.error({ err: failure }, 'audit: calls go on without records');
    unsecured = true;
  }

  return {
    permitted: (call, context) => !before || write(records.permitted(call, context)),
    exchanged: (exchange, context) => void write(records.exchanged(exchange, context)),
    ended: (end, context) => void write(records.ended(end, context)),
    event: (name, facts) => void write(records.event(name, facts)),
    recorded: (event, members) => write({ event, members }),
    obstacle: trail.obstacle,
    unhindered() {
      if (before || trail.obstacle() !== undefined) return false;
      unsecured = false;
      return true;
    },
    async secured(untold) {
      const settled = before ? trail.flush().then(() => undefined, asError) : undefined;
      const failure = trail.obstacle() ?? (await settled) ?? (before ? untold : undefined);
      if (failure === undefined) unsecured = false;
      else notSecured(failure);
    },
    flush: trail.flush,
    async close() {
      try {
        await trail.close();
      } catch (failure) {
        log.error({ err: failure }, 'audit: not closed cleanly');
      }
    },
    stats: () => ({
      records: [...counts].flatMap(([event, outcomes]) =>
        [...outcomes].map(([outcome, number]) => ({ event, outcome, count: number })),
      ),
      seq: trail.seq,
      waiting: trail.waiting,
    }),
  };
}
