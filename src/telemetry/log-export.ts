// Sends copies of audit lines to a collector, in order, each until the collector has taken it or refused it for good.
// Never sampled; bounded, since the lines themselves are on disk: what does not fit or is refused is counted, and told once
// for each spell. Must never block or fail a call, nor be the only copy of a record (docs/adr/0006).

import { randomInt } from 'node:crypto';
import type { InstrumentationScope } from '@opentelemetry/core';
import { ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import type { Resource } from '@opentelemetry/resources';
import type { Clock, Log } from '../base/ports.ts';
import type { BatchSettings } from './environment.ts';
import { createLogRecordEncoder } from './log-record.ts';
import type { Post, Posted } from './otlp-post.ts';
import { encodeRequest, requestHead } from './otlp-request.ts';

/** Characters of lines that wait; stops a collector that is gone from filling memory. */
const maxWaiting = 16 * 1_048_576;

/** Characters of one request; collectors and what stands before them refuse large ones. One line always fits. */
const maxRequest = 1_048_576;

/** Pauses before the same request is sent again, in milliseconds: doubling from the first to the longest. */
const firstPause = 1_000;
const longestPause = 30_000;

/** Least pause, in milliseconds: a collector that asks for none must not be asked without end. */
const leastPause = 100;

/** Longest pause a collector may ask for, in milliseconds: a mistaken Retry-After must not end the copies. */
const longestAsked = 300_000;

/** Longest wait at shutdown, in milliseconds: a collector that is gone must not hold a deployment. */
const maxClose = 3_000;

export interface LogExportOptions {
  readonly post: Post;
  readonly batch: BatchSettings;
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
  readonly clock: Clock;
  readonly log: Log;
}

/** `queue_full`: no room; `refused`: the collector said so; `closed`: not taken before the end. All of them are in the log. */
export type CopyOutcome = 'accepted' | 'queue_full' | 'refused' | 'closed';

export interface LogExport {
  /** Takes a line of the audit log. Never throws. */
  write(line: string): void;
  /** Resolves when all written so far was taken or given up, however long the collector needs. */
  flush(): Promise<void>;
  /** Sends what waits and stops; after at most three seconds, sooner where the collector was gone before. */
  close(): Promise<void>;
  stats(): { readonly copies: readonly (readonly [CopyOutcome, number])[]; readonly waiting: number };
}

interface Queued {
  readonly line: string;
  readonly at: number;
}

export function createLogExport({ post, batch, resource, scope, clock, log }: LogExportOptions): LogExport {
  const head = requestHead(resource, scope);
  const encode = createLogRecordEncoder();
  const counts = new Map<CopyOutcome, number>([['accepted', 0]]);
  const stop = new AbortController();
  let queue: Queued[] = [];
  let characters = 0;
  let dropping = false;
  let failing = false;
  let closing = false;
  let sending: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let hurried = false;
  let wake = () => {};

  function count(outcome: CopyOutcome, records: number): void {
    if (records > 0) counts.set(outcome, (counts.get(outcome) ?? 0) + records);
  }

  function dropped(outcome: CopyOutcome, records: number, problem: string): void {
    count(outcome, records);
    if (!dropping) log.error({ problem, records }, 'audit: records are not copied to the collector; the log has them');
    dropping = true;
  }

  function nextBatch(): readonly Queued[] {
    let length = 0;
    let size = 0;
    for (const { line } of queue) {
      size += line.length;
      if (length === batch.maxExportBatchSize || (length > 0 && size > maxRequest)) break;
      length += 1;
    }
    return queue.slice(0, length);
  }

  /** One after the other, as long as something waits: a batch leaves the queue when it is settled. */
  async function sendAll(): Promise<void> {
    let pause = firstPause;
    while (queue.length > 0 && !stop.signal.aborted) {
      const lines = nextBatch();
      const request = encodeRequest(
        head,
        lines.map(({ line, at }) => encode(line, at)),
      );
      const answer = await post(request, { signal: stop.signal });
      if (stop.signal.aborted && answer.kind === 'again') return;
      if (answer.kind === 'again') {
        if (closing && failing) return;
        tellFailing(answer.problem);
        const asked = answer.afterMs === undefined ? pause + randomInt(pause / 4) : answer.afterMs;
        await sleep(Math.min(Math.max(asked, leastPause), longestAsked));
        pause = Math.min(pause * 2, longestPause);
      } else {
        pause = firstPause;
        settle(lines, answer);
      }
    }
  }

  function settle(lines: readonly Queued[], answer: Exclude<Posted, { kind: 'again' }>): void {
    queue = queue.slice(lines.length);
    for (const { line } of lines) characters -= line.length;
    if (answer.kind === 'refused') {
      dropped('refused', lines.length, answer.problem);
      return;
    }
    const rejected = Math.min(lines.length, rejectedIn(answer.body));
    count('accepted', lines.length - rejected);
    if (rejected > 0) dropped('refused', rejected, 'taken in part');
    else if (failing || (dropping && queue.length <= batch.maxQueueSize / 2)) recovered();
  }

  function tellFailing(problem: string): void {
    if (!failing) log.warn({ problem }, 'audit: copies wait for the collector');
    failing = true;
  }

  function recovered(): void {
    failing = false;
    dropping = false;
    log.info({}, 'audit: records are copied to the collector again');
  }

  function sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const pause = setTimeout(resolve, ms).unref();
      wake = () => {
        clearTimeout(pause);
        resolve();
      };
    });
  }

  function sendNow(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    sending ??= sendAll()
      .catch((failure: unknown) => {
        // Nothing of ours may stand in the way for ever: these lines are in the log.
        dropped('refused', queue.length, failure instanceof Error ? failure.name : 'unknown');
        queue = [];
        characters = 0;
      })
      .finally(() => {
        sending = undefined;
        if (queue.length > 0) sendSoon();
      });
    return sending;
  }

  function sendSoon(): void {
    if (sending !== undefined || stop.signal.aborted) return;
    const full = queue.length >= batch.maxExportBatchSize;
    // Once a full batch has its timer it keeps it: set anew by each line, it would never come under load.
    if (timer !== undefined && (!full || hurried)) return;
    clearTimeout(timer);
    hurried = full;
    timer = setTimeout(() => void sendNow(), full ? 0 : batch.scheduledDelayMillis).unref();
  }

  return {
    write(line) {
      const full = queue.length >= batch.maxQueueSize || characters + line.length > maxWaiting;
      if (full || stop.signal.aborted) {
        dropped(full ? 'queue_full' : 'closed', 1, full ? 'too many wait' : 'closed');
        return;
      }
      queue.push({ line, at: clock.now() });
      characters += line.length;
      sendSoon();
    },
    async flush() {
      while (queue.length > 0 && !stop.signal.aborted) await sendNow();
    },
    async close() {
      if (closing) return;
      closing = true;
      wake();
      const late = setTimeout(() => {
        stop.abort();
        wake();
      }, maxClose);
      await sendNow();
      clearTimeout(late);
      stop.abort();
      dropping = false;
      if (queue.length > 0) dropped('closed', queue.length, 'the collector did not answer in time');
    },
    stats: () => ({ copies: [...counts], waiting: queue.length }),
  };
}

/** Records the collector says it did not take, of a request it took (ExportLogsPartialSuccess). */
function rejectedIn(body: Buffer): number {
  try {
    const rejected = Number(ProtobufLogsSerializer.deserializeResponse(body).partialSuccess?.rejectedLogRecords ?? 0);
    return rejected > 0 ? rejected : 0;
  } catch {
    return 0;
  }
}
