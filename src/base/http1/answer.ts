// Reads one answer off a connection: its head, and from that where its body ends (RFC 9112 section 6.3).
// Must never take a byte for body that is not, nor hold more of an answer than its head.

import { type Chunks, isWhole, newChunks, takeChunks } from './chunked.ts';
import { Http1Fault } from './fault.ts';
import { type ResponseHead, readResponseHead } from './response-head.ts';

/** Largest head of an answer, in bytes; stops an upstream from filling memory with headers. */
const maxHeadBytes = 32_768;

/** Most interim answers (100, 102, 103) before the answer itself. */
const maxInterim = 8;

export interface Answer {
  /** `head`: nothing but interim answers yet. */
  awaits: 'head' | 'length' | 'chunks' | 'close' | 'nothing';
  /** To a HEAD: without a body, whatever it says. */
  toHead: boolean;
  /** Whether the connection may be used again after it. */
  persistent: boolean;
  /** For how long the other side keeps an idle connection, in seconds, where it says so. */
  keepsFor: number | undefined;
  interim: number;
  /** The beginning of a head that comes in pieces. */
  held: Buffer | undefined;
  /** Bytes of body to come. */
  left: number;
  chunks: Chunks | undefined;
}

export function newAnswer(): Answer {
  return {
    awaits: 'nothing',
    toHead: false,
    persistent: true,
    keepsFor: undefined,
    interim: 0,
    held: undefined,
    left: 0,
    chunks: undefined,
  };
}

/** From now on an answer is awaited. */
export function awaitAnswer(answer: Answer, toHead: boolean): void {
  answer.awaits = 'head';
  answer.toHead = toHead;
  answer.persistent = true;
  answer.interim = 0;
}

/** @returns the head of the answer and what follows it; undefined while it has not come whole. @throws Http1Fault */
export function takeHead(answer: Answer, bytes: Buffer): { head: ResponseHead; rest: Buffer } | undefined {
  let rest = answer.held === undefined ? bytes : Buffer.concat([answer.held, bytes]);
  answer.held = undefined;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if ((end === -1 ? rest.length : end) > maxHeadBytes) throw new Http1Fault('HEAD_TOO_LARGE');
    if (end === -1) {
      if (!mayBeHead(rest)) throw new Http1Fault('HEAD_MALFORMED');
      answer.held = Buffer.from(rest);
      return undefined;
    }
    const head = readResponseHead(rest.toString('latin1', 0, end));
    rest = rest.subarray(end + 4);
    if (head.status >= 200) {
      frame(answer, head);
      return { head, rest };
    }
    answer.interim += 1;
    // Another protocol was not asked for. Nor was leave to send the body (100), but some servers give it to every POST, and a client
    // has to read over it (RFC 9110 section 15.2).
    if (head.status === 101 || answer.interim > maxInterim) throw new Http1Fault('SWITCHED_UNASKED');
  }
}

const beginning = Buffer.from('HTTP/1.');

/** Whatever is no HTTP is refused at once, not when it ends. */
function mayBeHead(bytes: Buffer): boolean {
  const known = Math.min(bytes.length, beginning.length);
  return bytes.compare(beginning, 0, known, 0, known) === 0;
}

function frame(answer: Answer, { status, length, chunked, persistent, keepsFor }: ResponseHead): void {
  answer.keepsFor = keepsFor;
  answer.persistent = persistent;
  if (answer.toHead || status === 204 || status === 304) {
    answer.awaits = 'nothing';
    // An upstream that sends a body all the same would send it into the next answer.
    if (answer.toHead || (status === 204 && (chunked || (length ?? 0) > 0))) answer.persistent = false;
  } else if (chunked) {
    answer.awaits = 'chunks';
    answer.chunks = newChunks();
  } else if (length === undefined) {
    answer.awaits = 'close';
    answer.persistent = false;
  } else {
    answer.awaits = length === 0 ? 'nothing' : 'length';
    answer.left = length;
  }
}

/**
 * The part of these bytes that is body, chunk framing taken out in place. The answer is whole once it awaits nothing; what the bytes
 * hold beyond it belongs to nobody, and ends the connection.
 * @param bytes is changed. @throws Http1Fault
 */
export function takeBody(answer: Answer, bytes: Buffer): Buffer {
  const { chunks } = answer;
  let body = bytes;
  let end = bytes.length;
  if (chunks !== undefined) {
    const taken = takeChunks(chunks, bytes);
    body = bytes.subarray(0, taken.bytes);
    end = taken.end;
    if (isWhole(chunks)) answer.awaits = 'nothing';
  } else if (answer.awaits !== 'close') {
    if (bytes.length > answer.left) body = bytes.subarray(0, answer.left);
    end = body.length;
    answer.left -= end;
    if (answer.left === 0) answer.awaits = 'nothing';
  }
  if (end < bytes.length) answer.persistent = false;
  return body;
}

/** Over, well or not: nothing of it is kept. */
export function endAnswer(answer: Answer): void {
  answer.awaits = 'nothing';
  answer.held = undefined;
  answer.chunks = undefined;
  answer.left = 0;
}
