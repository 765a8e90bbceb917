// The few doors to the world outside the process, as plain function types, so that tests can put their own in place.
// This is the only file that reads the system clock.

import type { ClientCertificate } from './certificate.ts';

/** Time. `now()` is milliseconds since the Unix epoch. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** What is to happen later. */
export interface Timers {
  /** Runs once after so many milliseconds; never keeps the process alive. @returns what cancels it */
  after(ms: number, run: () => void): () => void;
}

export const systemTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
};

/** Structured log, in pino's order: facts first, then a constant message. Never given a secret in the clear. */
export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** One small message to an issuer, a JWKS or a metadata endpoint; the answer is read whole and bounded. */
export interface SendRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Largest answer accepted, in bytes; a longer one fails the call. */
  readonly maxBytes: number;
  /** Total time allowed, in milliseconds. */
  readonly timeoutMs: number;
  /** Shown in the TLS handshake (RFC 8705); its connections carry no other messages, and none once it was rotated. */
  readonly identity?: ClientCertificate | undefined;
}

export interface SendResponse {
  readonly status: number;
  /** Names in lower case; repeated headers joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/**
 * Redirects are never followed: a 3xx is returned as it came. Rejects with {@link SendFailure}, or as the `identity` of the
 * message did, and nothing else.
 */
export type Send = (request: SendRequest) => Promise<SendResponse>;

export type SendFailureKind =
  | 'unreachable'
  | 'timeout'
  | 'too_large'
  | 'address_refused'
  /** The other side ended the TLS handshake over the client certificate: none was shown, or not one it takes. */
  | 'certificate_refused';

export class SendFailure extends Error {
  readonly kind: SendFailureKind;

  constructor(kind: SendFailureKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SendFailure';
    this.kind = kind;
  }
}
