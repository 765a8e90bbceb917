// What can go wrong between two ends of an HTTP/1.1 connection, as one kind of error with a code.
// Must never quote what was received: an answer may hold anything.

export type FaultCode =
  /** No connection within the time given. */
  | 'CONNECT_TIMEOUT'
  /** The time given passed and nothing was heard: no head of the answer, or no more of its body. */
  | 'HEAD_TIMEOUT'
  | 'BODY_TIMEOUT'
  /** What came is no head of an HTTP/1.1 answer, or longer than one may be. */
  | 'HEAD_MALFORMED'
  | 'HEAD_TOO_LARGE'
  /** Another protocol, which nobody asked for, or interim answers without end. */
  | 'SWITCHED_UNASKED'
  /** The head does not say in one way where the body ends. */
  | 'FRAMING_AMBIGUOUS'
  | 'CHUNK_MALFORMED'
  /** The connection ended before the answer did. */
  | 'CLOSED_EARLY'
  /** The request cannot be written as it is: a fault of whoever made it. */
  | 'REQUEST_MALFORMED'
  /** A streamed body was longer or shorter than was said. */
  | 'REQUEST_LENGTH_WRONG'
  /** No more is sent here. */
  | 'POOL_CLOSED';

export class Http1Fault extends Error {
  readonly code: FaultCode;

  constructor(code: FaultCode) {
    super(code);
    this.name = 'Http1Fault';
    this.code = code;
  }
}
