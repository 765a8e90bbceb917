// The JWT-SVIDs of this workload for one audience each, asked for again before half of their life is gone, as SPIFFE's own
// clients do. When the Workload API is away for a while, what it issued holds until its end; what it took back does not.
// Must never pass on a token that is for another audience, or for more than one: whoever receives it could use it elsewhere.

import type { Clock, Log, Timers } from '../ports.ts';
import type { Secret } from '../secret.ts';
import type { Channel } from './channel.ts';
import { asWorkloadFailure, inWords, isPassing, WorkloadFailure } from './failure.ts';
import { type ReceivedJwtSvid, readJwtSvidResponse, writeJwtSvidRequest } from './messages.ts';

/** Longest wait for an answer, in ms: it comes from the same machine. */
const timeoutMs = 5_000;

/** Pause after a failure while a token still holds, in ms: calls must not wait for an agent that hangs. */
const retryMs = 5_000;

export interface JwtSvid {
  readonly spiffeId: string;
  readonly token: Secret;
  /** Ms since the epoch. */
  readonly expiresAt: number;
}

export interface JwtSvidsOptions {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

export interface JwtSvidQuestion {
  readonly audience: string;
  /** undefined for the first identity the Workload API gives. */
  readonly spiffeId: string | undefined;
}

/** One question, remembered. @throws WorkloadFailure */
export type ReadJwtSvid = () => Promise<JwtSvid>;

interface Held extends JwtSvid {
  /** When to ask again, in ms since the epoch. */
  readonly renewAt: number;
}

export function createJwtSvid(question: JwtSvidQuestion, options: JwtSvidsOptions): ReadJwtSvid {
  const { clock, log } = options;
  let held: Held | undefined;
  let flight: Promise<void> | undefined;
  let quietUntil = Number.NEGATIVE_INFINITY;

  async function renew(): Promise<void> {
    try {
      held = pick(readJwtSvidResponse(await fetchJwtSvids(question, options)), question, clock.now());
    } catch (cause) {
      const failure = asWorkloadFailure(cause);
      if (!isPassing(failure) || !holds(held)) held = undefined;
      if (held === undefined) throw failure;
      quietUntil = clock.now() + retryMs;
      log.warn({ audience: question.audience, detail: inWords(failure) }, 'JWT-SVID could not be renewed');
    } finally {
      flight = undefined;
    }
  }

  function holds(svid: Held | undefined): svid is Held {
    return svid !== undefined && svid.expiresAt > clock.now();
  }

  return async () => {
    const isDue = !holds(held) || (held.renewAt <= clock.now() && quietUntil <= clock.now());
    if (isDue) {
      flight ??= renew();
      await flight;
    }
    if (holds(held)) return held;
    throw new WorkloadFailure('unavailable', 'the JWT-SVID of the Workload API has expired');
  };
}

/** @returns the one message of the answer. Rejects with WorkloadFailure only. */
function fetchJwtSvids(question: JwtSvidQuestion, { channel, timers }: JwtSvidsOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const request = writeJwtSvidRequest(question.audience, question.spiffeId);
    const call = channel.call('FetchJWTSVID', request, {
      messages(messages) {
        received.push(...messages);
        // An answer that goes on would be kept whole.
        if (received.length > 1) throw new WorkloadFailure('malformed', 'the Workload API answers more than once');
      },
      ended(failure) {
        cancelLimit();
        const [message] = received;
        if (failure === undefined && message !== undefined) resolve(message);
        else reject(failure ?? new WorkloadFailure('malformed', 'the Workload API answers without a message'));
      },
    });
    const cancelLimit = timers.after(timeoutMs, () => {
      call.cancel(new WorkloadFailure('timeout', 'the Workload API did not answer in time'));
    });
  });
}

function pick(svids: readonly ReceivedJwtSvid[], question: JwtSvidQuestion, now: number): Held {
  const { audience, spiffeId } = question;
  const svid = spiffeId === undefined ? svids[0] : svids.find((one) => one.spiffeId === spiffeId);
  if (svid === undefined) throw new WorkloadFailure('not_issued', `the Workload API has no JWT-SVID of ${spiffeId}`);
  const { sub, aud, exp, iat } = claimsOf(svid.payload);
  // JWT-SVID.md section 3: `sub`, `aud` and `exp` are required.
  if (sub !== svid.spiffeId) throw unusable('is of another SPIFFE ID');
  const audiences = Array.isArray(aud) ? aud : [aud];
  if (audiences.length !== 1 || audiences[0] !== audience) throw unusable('is for another audience than asked for');
  if (typeof exp !== 'number' || exp * 1_000 <= now) throw unusable('has expired, or has no end');
  const expiresAt = exp * 1_000;
  const begun = typeof iat === 'number' && iat * 1_000 < now ? iat * 1_000 : now;
  return { spiffeId: svid.spiffeId, token: svid.token, expiresAt, renewAt: begun + (expiresAt - begun) / 2 };
}

function claimsOf(payload: unknown): Readonly<Record<string, unknown>> {
  return typeof payload === 'object' && payload !== null ? { ...payload } : {};
}

function unusable(what: string): WorkloadFailure {
  return new WorkloadFailure('malformed', `the JWT-SVID of the Workload API ${what}`);
}
