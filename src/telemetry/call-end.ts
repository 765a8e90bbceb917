// How a call ended, said once: span, metrics and audit record all read this, so that they cannot tell different stories.
// A caller that leaves is not an error, a refusal with a 4xx is a decision, everything else that fails is an error.

import type { Refusal } from '../base/errors.ts';
import type { Arrival, Reply } from '../call.ts';

export interface CallEnd {
  /** As far as the call came; after a reply, as it was when it ended. */
  readonly call: Arrival;
  /** `allow`: policy let it through; `deny`: it was refused; `error`: something on the way failed. */
  readonly decision: 'allow' | 'deny' | 'error';
  /** What the client was told. */
  readonly status: number;
  readonly reply: Reply | undefined;
  readonly refusal: Refusal | undefined;
  /** Low-cardinality error class; undefined when the call did not fail (HTTP semantic conventions, error.type). */
  readonly errorType: string | undefined;
  readonly durationMs: number;
}

export function repliedEnd(reply: Reply, durationMs: number): CallEnd {
  return {
    call: reply.call,
    decision: 'allow',
    status: reply.status,
    reply,
    refusal: undefined,
    errorType: replyError(reply),
    durationMs,
  };
}

export function refusedEnd(reached: Arrival, refusal: Refusal, durationMs: number): CallEnd {
  const failed = refusal.status >= 500;
  return {
    call: reached,
    decision: failed ? 'error' : 'deny',
    status: refusal.status,
    reply: undefined,
    refusal,
    errorType: failed ? refusal.reason : undefined,
    durationMs,
  };
}

function replyError({ status, end }: Reply): string | undefined {
  if (end === 'upstream_error' || end === 'timeout') return end;
  return status >= 500 ? String(status) : undefined;
}
