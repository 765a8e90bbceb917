// Reads the head of an answer (RFC 9112), strictly: an upstream is trusted with its own answers and with nothing else. Whoever
// can make two parsers disagree on where an answer ends chooses the answer of the next call on that connection.
// Must never repair: what is not plainly one thing is refused.

import { byText } from '../by-text.ts';
import { Http1Fault } from './fault.ts';
import { isToken } from './token.ts';

/** Most header lines of an answer. */
const maxLines = 256;

/** Longest length said in a head, in digits: what a number holds exactly. */
const maxLengthDigits = 15;

export interface ResponseHead {
  readonly status: number;
  /** Header lines, names in lower case. */
  readonly lines: readonly string[];
  /** What `content-length` says. */
  readonly length: number | undefined;
  readonly chunked: boolean;
  /** Whether the connection may carry another request. */
  readonly persistent: boolean;
  /** For how long the other side keeps an idle connection, in seconds, where it says so. */
  readonly keepsFor: number | undefined;
}

interface Field {
  readonly lower: string;
  readonly means: 'length' | 'coding' | 'connection' | 'keep-alive' | undefined;
}

const meanings: ReadonlyMap<string, Field['means']> = new Map([
  ['content-length', 'length'],
  ['transfer-encoding', 'coding'],
  ['connection', 'connection'],
  ['keep-alive', 'keep-alive'],
]);

/** A space before the colon, an empty name or a folded line (its "name" begins with a space) is no token. */
const fieldOf = byText((name): Field => {
  if (!isToken(name)) throw malformed();
  const lower = name.toLowerCase();
  return { lower, means: meanings.get(lower) };
});

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;

/** Control characters other than tab; a CR or LF by itself is one (RFC 9112 section 2.2). */
const notInValue = /[^\t\x20-\x7e\x80-\xff]/;

/** @param text the head without the empty line that ends it, one character a byte. @throws Http1Fault */
export function readResponseHead(text: string): ResponseHead {
  const end = lineEnd(text, 0);
  const [, minor, status] = statusLine.exec(text.slice(0, end)) ?? [];
  if (status === undefined) throw malformed();
  const lines: string[] = [];
  let length: number | undefined;
  let chunked = false;
  let persistent = minor === '1';
  let keepsFor: number | undefined;

  for (let at = end + 2; at < text.length; ) {
    const next = lineEnd(text, at);
    const colon = text.indexOf(':', at);
    if (colon === -1 || colon > next || lines.length >= 2 * maxLines) throw malformed();
    const { lower, means } = fieldOf(text.slice(at, colon));
    const value = trimmed(text, colon + 1, next);
    if (notInValue.test(value)) throw malformed();
    lines.push(lower, value);
    if (means !== undefined) {
      if (means === 'length') length = readLength(value, length);
      else if (means === 'coding') chunked = readCoding(value, chunked);
      else if (means === 'connection') persistent &&= !closes(value);
      else keepsFor = readKeepAlive(value);
    }
    at = next + 2;
  }
  // RFC 9112 section 6.1: both are an attempt at response splitting, or an error; and HTTP/1.0 knows no chunks.
  if (chunked && (length !== undefined || minor === '0')) throw new Http1Fault('FRAMING_AMBIGUOUS');
  return { status: Number(status), lines, length, chunked, persistent, keepsFor };
}

function lineEnd(text: string, from: number): number {
  const at = text.indexOf('\r\n', from);
  return at === -1 ? text.length : at;
}

/** Optional whitespace around a value is no part of it (RFC 9112 section 5.1). */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

const isBlank = (code: number) => code === 0x20 || code === 0x09;

/** Said twice it is refused, also where both agree: a list is what a proxy made of two. */
function readLength(value: string, before: number | undefined): number {
  if (before !== undefined || value.length > maxLengthDigits || !/^\d+$/.test(value)) {
    throw new Http1Fault('FRAMING_AMBIGUOUS');
  }
  return Number(value);
}

/** `chunked` and nothing else: other codings end where their decoder says, which is not read here. */
function readCoding(value: string, before: boolean): boolean {
  if (before || value.toLowerCase() !== 'chunked') throw new Http1Fault('FRAMING_AMBIGUOUS');
  return true;
}

function closes(value: string): boolean {
  return value.split(',').some((option) => option.trim().toLowerCase() === 'close');
}

function readKeepAlive(value: string): number | undefined {
  const [, seconds] = /(?:^|[,;\s])timeout=(\d{1,6})(?:$|[,;\s])/i.exec(value) ?? [];
  return seconds === undefined ? undefined : Number(seconds);
}

function malformed(): Http1Fault {
  return new Http1Fault('HEAD_MALFORMED');
}
