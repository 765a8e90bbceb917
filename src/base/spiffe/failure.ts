// Why the Workload API gave no identity, in one kind for the code and one sentence for the operator.
// Must never carry key material, a token, or unbounded text of whoever answers at the socket.

import { bounded } from '../bounded.ts';

export type WorkloadFailureKind =
  /** No socket, nobody behind it, or the connection ended. */
  | 'unreachable'
  | 'timeout'
  /** PermissionDenied: no identity is registered for this workload, or not the one asked for. */
  | 'not_issued'
  /** Unavailable and other passing states of the agent. */
  | 'unavailable'
  /** The agent does not do what it was asked: asking again does not help. */
  | 'refused'
  | 'too_large'
  | 'malformed';

/** Longest message kept, in characters: the other side chooses part of it. */
const maxMessage = 200;

export class WorkloadFailure extends Error {
  readonly kind: WorkloadFailureKind;

  constructor(kind: WorkloadFailureKind, message: string) {
    super(bounded(message, maxMessage));
    this.name = 'WorkloadFailure';
    this.kind = kind;
  }
}

/** Failures that say nothing of the identity itself: what was issued before still holds until its end. */
export function isPassing({ kind }: WorkloadFailure): boolean {
  return kind === 'unreachable' || kind === 'timeout' || kind === 'unavailable';
}

/** What an operator can do, for log lines and refusals. */
export function inWords({ kind, message }: WorkloadFailure): string {
  if (kind !== 'not_issued') return message;
  return `${message}; register an entry for it at the SPIFFE server`;
}

export function asWorkloadFailure(failure: unknown): WorkloadFailure {
  if (failure instanceof WorkloadFailure) return failure;
  const name = failure instanceof Error ? failure.name : typeof failure;
  return new WorkloadFailure('malformed', `the Workload API could not be used (${name})`);
}
