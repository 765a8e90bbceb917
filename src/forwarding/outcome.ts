// What one attempt at an upstream is given, plain or upgraded, and how it can end. Types only.
// An attempt is sent at most once: what may be tried again is decided by sending.ts alone.

import type { Refusal } from '../base/errors.ts';
import type { ArmedCall, AttemptObservation, RawHeaders, StreamEnd } from '../call.ts';
import type { PlacedCredential } from './headers.ts';
import type { CompiledRoute } from './route.ts';

/** Recorded where the agent left before anything was answered (nginx's "client closed request"). */
export const clientClosedRequest = 499;

export interface Attempt {
  readonly call: ArmedCall;
  readonly route: CompiledRoute;
  readonly observation: AttemptObservation;
  readonly placed: PlacedCredential;
  /** Request header lines, without framing and host. None once the answer has begun. */
  readonly headers: string[];
  /** The buffered body to send, where there is one, and as long as it may have to be. */
  bytes: Buffer | undefined;
  /** Reads the upstream's demands on proofs of possession, where the attempt carries one: see {@link Outcome}. */
  readonly heed?: ((status: number, lines: RawHeaders) => boolean) | undefined;
  /** Registers how to end this attempt from outside; returns how to unregister. */
  track(stop: Stop): () => void;
}

/** Ends a live attempt: refuses it where nothing was answered yet, cuts it otherwise. */
export type Stop = (why: Refusal) => void;

/** `rejected`: the upstream did not accept the credential and nothing was sent to the agent; the call may be sent again. */
export type Outcome = Rejected | Ended;

export interface Rejected {
  readonly kind: 'rejected';
  /** Only the proof was not accepted (RFC 9449 section 9): the credential is good. */
  readonly proofOnly: boolean;
}

export interface Ended {
  readonly kind: 'ended';
  readonly status: number;
  readonly end: StreamEnd;
  /** Bytes of the answer's body sent to the agent. */
  readonly bytesSent: number;
  /** Bytes of the request's body received from the agent. */
  readonly bytesReceived: number;
  readonly upstreamRequestId: string | undefined;
}
