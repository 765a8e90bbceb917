// Takes the chunks of a body apart (RFC 9112 section 7.1), piece by piece as it comes. Extensions and trailers are read over.
// Must never take anything for the end that is not the last chunk, nor a size for one that has another character in it.

import { Http1Fault } from './fault.ts';

/** Most hexadecimal digits of a size: 4 PB. */
const maxDigits = 13;

/** Most bytes of extensions and trailers in one answer; stops an answer that never ends without a byte of body. */
const maxAside = 32_768;

const cr = 0x0d;
const lf = 0x0a;
const semicolon = 0x3b;

type Expected =
  /** The digits of a size. */
  | 'size'
  /** The rest of the line with the size. */
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  /** The first character of a line after the last chunk: a trailer, or the empty line that ends the body. */
  | 'trailer'
  | 'trailer-rest'
  | 'trailer-lf'
  | 'last-lf'
  | 'nothing';

export interface Chunks {
  expected: Expected;
  /** Bytes of this chunk still to come, or the size read so far. */
  left: number;
  digits: number;
  aside: number;
}

export function newChunks(): Chunks {
  return { expected: 'size', left: 0, digits: 0, aside: 0 };
}

export const isWhole = (chunks: Chunks) => chunks.expected === 'nothing';

/** Where a piece was read to, and how much of the body it held. */
export interface Taken {
  /** Bytes of body, now at the beginning of the piece. */
  readonly bytes: number;
  /** First byte that is no part of this body; the piece's length unless the body has ended. */
  readonly end: number;
}

/**
 * Moves what is body to the front of the piece: events of a stream often come several chunks at a time, and leave as one.
 * @param piece is changed. @throws Http1Fault CHUNK_MALFORMED
 */
export function takeChunks(chunks: Chunks, piece: Uint8Array): Taken {
  let bytes = 0;
  let at = 0;
  while (at < piece.length && chunks.expected !== 'nothing') {
    if (chunks.expected === 'data') {
      const count = Math.min(chunks.left, piece.length - at);
      if (bytes !== at) piece.copyWithin(bytes, at, at + count);
      bytes += count;
      at += count;
      chunks.left -= count;
      if (chunks.left === 0) chunks.expected = 'data-cr';
    } else {
      step(chunks, piece[at] ?? 0);
      at += 1;
    }
  }
  return { bytes, end: at };
}

function step(chunks: Chunks, byte: number): void {
  switch (chunks.expected) {
    case 'size':
      readSize(chunks, byte);
      break;
    case 'extension':
      readOver(chunks, byte, 'size-lf');
      break;
    case 'size-lf':
      expect(byte, lf);
      chunks.expected = chunks.left === 0 ? 'trailer' : 'data';
      chunks.digits = 0;
      break;
    case 'data-cr':
      expect(byte, cr);
      chunks.expected = 'data-lf';
      break;
    case 'data-lf':
      expect(byte, lf);
      chunks.expected = 'size';
      break;
    case 'trailer':
      chunks.expected = 'trailer-rest';
      if (byte === cr) chunks.expected = 'last-lf';
      else readOver(chunks, byte, 'trailer-lf');
      break;
    case 'trailer-rest':
      readOver(chunks, byte, 'trailer-lf');
      break;
    case 'trailer-lf':
      expect(byte, lf);
      chunks.expected = 'trailer';
      break;
    default:
      expect(byte, lf);
      chunks.expected = 'nothing';
  }
}

function readSize(chunks: Chunks, byte: number): void {
  const digit = hexDigit(byte);
  if (digit !== -1) {
    chunks.digits += 1;
    if (chunks.digits > maxDigits) throw malformed();
    chunks.left = chunks.left * 16 + digit;
    return;
  }
  if (chunks.digits === 0) throw malformed();
  if (byte === cr) chunks.expected = 'size-lf';
  else if (byte === semicolon) chunks.expected = 'extension';
  else throw malformed();
}

function readOver(chunks: Chunks, byte: number, after: Expected): void {
  chunks.aside += 1;
  // A line feed by itself ends a line for some readers and for others not (RFC 9112 section 2.2).
  if (byte === lf || byte === 0 || chunks.aside > maxAside) throw malformed();
  if (byte === cr) chunks.expected = after;
}

function expect(byte: number, wanted: number): void {
  if (byte !== wanted) throw malformed();
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function malformed(): Http1Fault {
  return new Http1Fault('CHUNK_MALFORMED');
}
