// The X.509-SVIDs of this workload, as the Workload API streams them: a message is the whole state, the next one replaces it
// (SPIFFE_Workload_API.md sections 4.3, 4.4). A lost stream is opened again, later each time, and so is one that keeps silent
// when something else should have come: before an identity ends. What was issued holds until its end, unless the Workload API took it back. Must never show an expired certificate or one that was taken back.

import type { Clock, Log, Timers } from '../ports.ts';
import type { Call, Channel } from './channel.ts';
import { inWords, WorkloadFailure } from './failure.ts';
import { type ReceivedX509Svid, readX509SvidResponse } from './messages.ts';
import { readX509Svid, type X509Svid } from './x509-svid.ts';

/** Longest wait for the first message, in ms: it is sent at once by those who have one. */
const firstMessageMs = 5_000;

/** Pause before the stream is opened again, in ms; doubled with every failure in a row. */
const retryMs = { first: 1_000, longest: 30_000 };

/**
 * Before its end a certificate should have been replaced, in ms: agents do it at half its life. A stream that has brought
 * nothing by then may lead nowhere (an agent that was killed, a socket that hangs) and is opened anew.
 */
const lateMs = 60_000;

/** Between two looks at that, in ms, and so between two streams to an agent that has nothing newer. */
const lookMs = 20_000;

/** Least time between two messages, in ms: an agent that rotates without end would keep this process busy. */
const updateGapMs = 100;

export interface X509SvidsOptions {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

export interface X509Svids {
  /** The identity that holds now; the first by default. @throws WorkloadFailure */
  current(spiffeId: string | undefined): Promise<X509Svid>;
  close(): void;
}

export function createX509Svids({ channel, clock, timers, log }: X509SvidsOptions): X509Svids {
  let held: readonly (() => X509Svid)[] | undefined;
  let ids: readonly string[] = [];
  let failure: WorkloadFailure | undefined;
  let call: Call | undefined;
  let first: PromiseWithResolvers<void> | undefined;
  let failures = 0;
  let forget = () => {};
  let lookAway = () => {};
  let isClosed = false;

  function open(): void {
    first = Promise.withResolvers();
    const opened = first;
    const cancelLimit = timers.after(firstMessageMs, () => {
      current.cancel(new WorkloadFailure('timeout', 'the Workload API sends no X.509-SVID'));
    });
    const current = channel.call('FetchX509SVID', Buffer.alloc(0), {
      messages(messages) {
        cancelLimit();
        take(messages.at(-1) ?? Buffer.alloc(0));
        opened.resolve();
        current.pause();
        forget = timers.after(updateGapMs, () => current.resume());
      },
      ended(cause) {
        cancelLimit();
        lost(cause ?? new WorkloadFailure('unavailable', 'the Workload API ended its stream'));
        opened.resolve();
      },
    });
    call = current;
    look(current);
  }

  function look(current: Call): void {
    lookAway = timers.after(lookMs, () => {
      if (held?.some(endsSoon)) current.cancel(new WorkloadFailure('unavailable', 'no newer X.509-SVID came'));
      else look(current);
    });
  }

  function endsSoon(read: () => X509Svid): boolean {
    try {
      return read().expiresAt - clock.now() <= lateMs;
    } catch {
      return false; // it cannot be used, and says so to whoever asks for it
    }
  }

  function take(message: Buffer): void {
    const svids = readX509SvidResponse(message);
    ids = svids.map(({ spiffeId }) => spiffeId);
    held = svids.map(readOnce);
    failure = undefined;
    failures = 0;
  }

  function lost(cause: WorkloadFailure): void {
    failure = cause;
    call = undefined;
    forget();
    lookAway();
    if (isClosed) return;
    if (cause.kind === 'not_issued') held = undefined;
    const pause = cause.kind === 'refused' ? retryMs.longest : retryMs.first * 2 ** failures;
    failures += 1;
    const after = Math.min(pause, retryMs.longest);
    log.warn({ detail: inWords(cause), retry_ms: after }, 'X.509-SVIDs are not being renewed');
    forget = timers.after(after, open);
  }

  function pick(spiffeId: string | undefined): X509Svid {
    if (held === undefined) throw failure ?? new WorkloadFailure('unreachable', 'no X.509-SVID was received yet');
    const svid = held[spiffeId === undefined ? 0 : ids.indexOf(spiffeId)]?.();
    if (svid === undefined)
      throw new WorkloadFailure('not_issued', `the Workload API has no X.509-SVID of ${spiffeId}`);
    if (svid.expiresAt > clock.now()) return svid;
    throw failure ?? new WorkloadFailure('unavailable', 'the X.509-SVID of the Workload API has expired');
  }

  return {
    async current(spiffeId) {
      if (first === undefined) open();
      if (held === undefined) await first?.promise;
      return pick(spiffeId);
    },
    close() {
      isClosed = true;
      forget();
      lookAway();
      call?.cancel(new WorkloadFailure('unavailable', 'the gate is being closed'));
    },
  };
}

/** Read when it is used: one bad identity among several harms no other. */
function readOnce(received: ReceivedX509Svid): () => X509Svid {
  let read: X509Svid | undefined;
  return () => {
    read ??= readX509Svid(received);
    return read;
  };
}
