// The chain as it is written: every record gets its place and goes to the present file in that order; from time to time comes
// a checkpoint, and when a file is large or old enough, the next file. The place is only given to a line that was taken, so
// that nothing that goes wrong here leaves a gap: what was lost is told by a line of its own.

import type { Clock, Log } from '../base/ports.ts';
import { timeUuid } from '../base/random-ids.ts';
import { type CheckpointReason, signStatement } from './checkpoint.ts';
import { isoTime } from './iso-time.ts';
import { membersOf } from './json-text.ts';
import { beginning, digestOf, type Head, sealOf, suffixLength, unsealed } from './line.ts';
import { createRetired } from './retired.ts';
import type { Before, Segments } from './segments.ts';
import type { SigningKey } from './signing-key.ts';
import type { AuditSink } from './sink.ts';

/** Between two attempts to begin a file, in milliseconds. */
const rotationRetryMs = 1_000;

export interface TrailOptions {
  readonly segments: Segments;
  /** Without one checkpoints are not signed. */
  readonly key: SigningKey | undefined;
  readonly checkpoints: { readonly records: number; readonly interval: number };
  readonly rotation: { readonly size: number; readonly age: number };
  readonly clock: Clock;
  readonly log: Log;
  /** Of Postern; told in every file. */
  readonly version: string;
  /** Is given every line that was taken, in order; must neither wait nor throw. */
  readonly copy?: ((line: string) => void) | undefined;
}

export interface Trail {
  /**
   * @param members its fields, as JSON text
   * @returns false when the record could not be taken: it is lost then.
   */
  append(event: string, members: string): boolean;
  /** Resolves when all taken so far is on disk. */
  flush(): Promise<void>;
  /** A last checkpoint, a last flush. Rejects when records are lost by that. */
  close(): Promise<void>;
  /** Why records cannot be written, or taken, at the moment. Where some were lost and it can, it tells of them first. */
  obstacle(): Error | undefined;
  /** Number of the last line taken. */
  readonly seq: number;
  /** Characters that wait for the disk. */
  readonly waiting: number;
}

interface Segment {
  readonly id: string;
  readonly time: string;
  readonly startedAt: number;
  readonly seq: number;
  size: number;
}

/** Throws when no file can be begun: a gate that cannot keep its audit log does not start. */
export function createTrail(options: TrailOptions): Trail {
  const { segments, key, checkpoints, rotation, clock, version, copy } = options;
  const retired = createRetired();
  /** Of the line that is being taken. */
  let digest = '';
  let head: Head = segments.before?.head ?? beginning;
  let sink = segments.next(undefined);
  let segment = newSegment();
  const log = segments.before?.header.log ?? segment.id;
  let unattested = 0;
  let lost: { count: number; since: string } | undefined;
  let rotateAgainAt = Number.NEGATIVE_INFINITY;
  let closed = false;
  /** The last line was; what goes wrong from one line to the next is told once. */
  let copied = true;

  function newSegment(): Segment {
    const startedAt = clock.now();
    return { id: timeUuid(startedAt), time: isoTime(startedAt), startedAt, seq: head.seq + 1, size: 0 };
  }

  /** Throws when the sink does not take it; the chain stands where it stood then. */
  function put(event: string, members: string, at = clock.now()): void {
    const opening = `"event_id":"${timeUuid(at)}","time":"${isoTime(at)}","event":"${event}"`;
    const text = unsealed(head, members === '' ? opening : `${opening},${members}`);
    sink.write(text, seal);
    head = { seq: head.seq + 1, hash: digest };
    segment.size += text.length + suffixLength + 1;
    handCopy(text);
  }

  /** Whatever becomes of the copy: the line stands in the chain, and is not lost. */
  function handCopy(text: string): void {
    try {
      copy?.(text + sealOf(digest));
      copied = true;
    } catch (failure) {
      if (copied) options.log.error({ err: failure }, 'audit: a record is not copied');
      copied = false;
    }
  }

  /** Of the bytes as they stand where they are written from: no line is put together, or encoded, twice. */
  function seal(bytes: Buffer): string {
    digest = digestOf(bytes);
    return sealOf(digest);
  }

  function begin(before: Before | undefined): void {
    const header = {
      id: segment.id,
      log,
      previous: before?.header.id,
      torn: before?.torn,
      version,
      checkpoint_records: checkpoints.records,
      key_id: key?.kid,
    };
    put('postern.audit.segment', membersOf({ segment: header }));
  }

  function checkpoint(reason: CheckpointReason): void {
    const at = clock.now();
    const stated = { segment: segment.id, seq: head.seq, hash: head.hash, reason };
    const signature = key && signStatement(key, { ...stated, time: isoTime(at) });
    put('postern.audit.checkpoint', membersOf({ checkpoint: { ...stated, signature } }), at);
    unattested = 0;
  }

  /** Where there is no room for one, the next record says so. */
  function attest(reason: CheckpointReason): void {
    try {
      checkpoint(reason);
    } catch (failure) {
      options.log.warn({ err: failure }, 'audit: no room for a checkpoint');
    }
  }

  function rotateWhenDue(): void {
    const now = clock.now();
    const due = segment.size >= rotation.size || now - segment.startedAt >= rotation.age;
    const able = segments.rotates && now >= rotateAgainAt && !retired.full();
    if (!able || !(sink.spoiled || (due && sink.failure === undefined))) return;
    if (sink.spoiled) rotateAgainAt = now + rotationRetryMs;
    try {
      turnTo(segments.next(segment));
    } catch (failure) {
      rotateAgainAt = now + rotationRetryMs;
      options.log.error({ err: failure }, 'audit: the next file could not be begun');
    }
  }

  function turnTo(next: AuditSink): void {
    attest('rotated');
    tellHead('audit: a file is complete');
    next.follow(sink);
    retired.add(sink);
    const previous = segment.id;
    sink = next;
    segment = newSegment();
    begin({ head, header: { id: previous }, torn: undefined });
  }

  /** A copy of the head outside the log: what `verify --head` is for. */
  function tellHead(message: string): void {
    options.log.info({ segment: segment.id, seq: head.seq, hash: head.hash }, message);
  }

  function tellLost(): void {
    if (lost !== undefined) put('postern.audit.lost', membersOf({ lost }));
    lost = undefined;
  }

  function take(event: string, members: string): void {
    tellLost();
    put(event, members);
    unattested += 1;
  }

  function lose(failure: unknown): void {
    if (lost === undefined) options.log.error({ err: failure }, 'audit: records are lost');
    lost ??= { count: 0, since: isoTime(clock.now()) };
    lost.count += 1;
  }

  begin(segments.before);
  const timer = setInterval(() => {
    if (unattested > 0) attest('interval');
  }, checkpoints.interval).unref();

  return {
    append(event, members) {
      try {
        if (closed) throw new Error('the audit log is closed');
        rotateWhenDue();
        take(event, members);
      } catch (failure) {
        lose(failure);
        return false;
      }
      if (unattested >= checkpoints.records) attest('interval');
      return true;
    },
    async flush() {
      const present = sink;
      await retired.flush();
      await present.flush();
    },
    async close() {
      clearInterval(timer);
      if (closed) return;
      attest('closed');
      closed = true;
      tellHead('audit: the log is closed');
      await Promise.all([sink.close(), retired.close()]);
    },
    obstacle() {
      const failure = sink.failure ?? retired.failure();
      if (failure !== undefined || lost === undefined) return failure;
      try {
        tellLost();
        return undefined;
      } catch (stillFull) {
        return asError(stillFull);
      }
    },
    get seq() {
      return head.seq;
    },
    get waiting() {
      return sink.waiting + retired.waiting();
    },
  };
}

export function asError(failure: unknown): Error {
  return failure instanceof Error ? failure : new Error('unknown failure');
}
