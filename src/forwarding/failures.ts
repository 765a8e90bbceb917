// Turns what went wrong on the way to or from an upstream into one specific refusal. Details name an error code only:
// parser errors carry an excerpt of the answer, which may hold anything, so neither message nor cause is kept.

import { AddressRefused } from '../base/addresses.ts';
import { errorCode } from '../base/error-code.ts';
import { type Reason, Refusal } from '../base/errors.ts';
import type { StreamEnd } from '../call.ts';

const timeouts = new Set([
  'CONNECT_TIMEOUT',
  'HEAD_TIMEOUT',
  'BODY_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'ETIMEDOUT',
  'ERR_SOCKET_CONNECTION_TIMEOUT',
]);

/** Access that was taken away while the call went on. */
const revocations: ReadonlySet<Reason> = new Set<Reason>([
  ...(['subject_revoked', 'actor_revoked', 'member_revoked'] as const),
  ...(['token_revoked', 'delegation_revoked', 'route_revoked'] as const),
]);

const gateFaults = new Set([
  ...['REQUEST_MALFORMED', 'REQUEST_LENGTH_WRONG'],
  ...['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH'],
]);

/** The pool takes no more. */
const closings = new Set(['POOL_CLOSED', 'UND_ERR_DESTROYED', 'UND_ERR_CLOSED']);

/** @param reached whether a connection had been established: from then on silence and breaks are the upstream's answer. */
export function upstreamFailure(error: unknown, reached: boolean): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof AddressRefused) return new Refusal('upstream_address_refused', { detail: error.message });
  const detail = errorCode(error);
  if (timeouts.has(detail)) return new Refusal('upstream_timed_out', { detail });
  if (gateFaults.has(detail)) return new Refusal('internal_fault', { detail });
  if (closings.has(detail)) return new Refusal('draining', { detail });
  return new Refusal(reached ? 'upstream_answer_malformed' : 'upstream_unreachable', { detail });
}

/** How an attempt ended that failed like this. */
export function endOf(refusal: Refusal): StreamEnd {
  if (refusal.reason === 'upstream_timed_out') return 'timeout';
  if (refusal.reason === 'draining') return 'drained';
  return revocations.has(refusal.reason) ? 'revoked' : 'upstream_error';
}
