// One request to an upstream and its answer, as the two sides of a client see it: the HTTP/1.1 client here, and whoever else carries
// calls for the same callers. Types only.
// What is handed over must stay as it is until the exchange has ended.

import type { Readable } from 'node:stream';
import type { FieldValue } from './field-value.ts';

/** A body that is read while it is sent. */
export interface StreamedBody {
  readonly stream: Readable;
  /** Bytes in all; undefined where they are not known: sent in chunks then. */
  readonly length: number | undefined;
}

export interface UpstreamRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Flat header lines (name, value, ...) without host and framing, which are added. */
  readonly headers: readonly string[];
  /** A value among them, such as a token used for many requests, that is not checked once more. */
  readonly checked?: FieldValue | undefined;
  readonly body: Buffer | StreamedBody | undefined;
  /** Longest silence of the other side, in milliseconds, before the head and between two pieces of the body. */
  readonly idleMs: number;
}

/**
 * Hears of one exchange: `onStart` once, then `onHead`, `onData` and `onEnd` in this order, or `onError` at any time; nothing
 * after `onEnd` or `onError`. What a method throws ends the exchange and comes back as its `onError`.
 */
export interface Receiver {
  /** The request is about to be written on this connection. Throwing takes it back before a byte has left. */
  onStart(link: Link): void;
  /** @param lines header lines, names in lower case */
  onHead(status: number, lines: readonly string[]): void;
  /** @param piece the receiver's own from now on. @returns whether more may follow at once; if not, `resume` when it may */
  onData(piece: Buffer): boolean;
  onEnd(): void;
  onError(error: unknown): void;
}

/** A connection, in the hands of the exchange that it carries. For any other receiver both do nothing: it may carry another by then. */
export interface Link {
  resume(receiver: Receiver): void;
  /** Ends the exchange with this error, and the connection with it. */
  abort(receiver: Receiver, why: Error): void;
}

/** Connections to one origin. */
export interface Pool {
  /** Sends soon, at the latest when a connection is there. What goes wrong is told to the receiver. */
  send(request: UpstreamRequest, receiver: Receiver): void;
  /** Takes no more requests; resolves when all have ended. */
  close(): Promise<void>;
  /** Takes no more requests and ends those under way. */
  destroy(): Promise<void>;
}
