// Reads a request that is there whole, head and small body, written in the plainest way: nearly every call of an agent. Node's
// parser, streams and objects cost such a call 15 us (ADR 19).
// Must never take what llhttp would refuse or read in any other way: everything it does not plainly know is left to Node.

import { byText } from '../base/by-text.ts';
import { isToken } from '../base/http1/token.ts';

/**
 * Header lines per request, for Node's server as well; its default of 2,000 is more than any SDK sends and enough for an attacker to
 * waste our time.
 */
export const maxHeaderLines = 256;

/** Largest request taken whole, in bytes; larger ones are for streams, which are Node's. */
const maxWholeBytes = 65_536;

/** Longest length said in a head, in digits: what a number holds exactly. */
const maxLengthDigits = 15;

/** From so many characters on, V8 makes of a part of a text a reference to all of it: who kept one value would keep every credential. */
const shortest = 13;

export interface Read {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: string[];
  readonly body: Buffer;
}

interface Field {
  /** In a memory of its own, with its hash: it is looked up by several stages. */
  readonly name: string;
  readonly means: 'host' | 'length' | 'connection' | 'other' | 'for Node';
}

/** Those without a meaning for how a message is read. CONNECT, and what else Node knows, is Node's. */
const methods: ReadonlyMap<string, string> = new Map(
  ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((method) => [method, method]),
);

/** Of a request that may yet be one of these. */
const beginning = /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \//;

/** Path and query as RFC 3986 has them: no fragment, no absolute form, nothing that a parser may object to. */
const target = /^\/[\w.~!$&'()*+,;=:@%/?-]*$/;

const meanings: ReadonlyMap<string, Field['means']> = new Map([
  ['host', 'host'],
  ['content-length', 'length'],
  ['connection', 'connection'],
]);

/** Chunks, expectations, other protocols: Node's. */
const nodes = new Set([
  'transfer-encoding',
  'expect',
  'upgrade',
  'trailer',
  'te',
  'proxy-connection',
  'http2-settings',
]);

const fieldOf = byText((name): Field => {
  const lower = name.toLowerCase();
  if (!isToken(name) || nodes.has(lower)) return { name, means: 'for Node' };
  return { name, means: meanings.get(lower) ?? 'other' };
});

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const space = 0x20;
const version = ' HTTP/1.1';

/**
 * @param bytes from the first of a request on
 * @param maxHeadBytes of request line and header lines
 * @returns how many bytes it takes in all where some are still to come, 0 where that is not known; undefined for whatever is not one
 * request of the plainest kind
 */
export function readWholeRequest(bytes: Buffer, maxHeadBytes: number): Read | number | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return bytes.length < maxHeadBytes && beginning.test(bytes.toString('latin1', 0, 9)) ? 0 : undefined;
  if (end >= maxHeadBytes) return undefined;
  const text = bytes.toString('latin1', 0, end);
  const firstBreak = text.indexOf('\r\n');
  const requestLine = firstBreak === -1 ? end : firstBreak;
  const methodEnd = text.indexOf(' ');
  const method = methods.get(text.slice(0, methodEnd));
  const targetEnd = requestLine - version.length;
  if (method === undefined || !text.startsWith(version, targetEnd)) return undefined;
  const path = bytes.toString('latin1', methodEnd + 1, targetEnd);
  if (!target.test(path)) return undefined;

  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const rawHeaders: string[] = [];
  let hosts = 0;
  let length: number | undefined;
  for (let at = requestLine + 2; at < end; ) {
    const nameEnd = text.indexOf(':', at);
    if (nameEnd === -1 || rawHeaders.length >= 2 * maxHeaderLines) return undefined;
    const field = fieldOf(text.slice(at, nameEnd));
    if (field.means === 'for Node') return undefined;
    const from = bytes[nameEnd + 1] === space ? nameEnd + 2 : nameEnd + 1;
    const to = visibleEnd(words, from);
    if (bytes[to] !== carriageReturn || bytes[to + 1] !== lineFeed) return undefined;
    // White space around a value is no part of it: one space before it is taken off, more is Node's.
    if (to > from && (bytes[from] === space || bytes[to - 1] === space)) return undefined;
    const value = to - from < shortest ? text.slice(from, to) : bytes.toString('latin1', from, to);
    if (field.means === 'host') hosts += 1;
    else if (field.means === 'length') {
      if (length !== undefined || !isLength(value)) return undefined;
      length = Number(value);
    } else if (field.means === 'connection' && value !== 'keep-alive' && value !== 'Keep-Alive') return undefined;
    rawHeaders.push(field.name, value);
    at = to + 2;
  }
  const from = end + 4;
  const whole = from + (length ?? 0);
  if (hosts !== 1 || bytes.length > whole || whole > maxWholeBytes) return undefined;
  return bytes.length < whole ? whole : { method, target: path, rawHeaders, body: bytes.subarray(from) };
}

/** No sign, no list, no zero in front: what two parsers could count differently. */
function isLength(value: string): boolean {
  return value.length <= maxLengthDigits && /^(?:0|[1-9]\d*)$/.test(value);
}

/**
 * Where the visible text that begins here ends: at a control character, tab among them, or DEL. Tokens are most of a head: sixteen
 * bytes at a time, then four ("determine if a word has a byte less than n", Hacker's Delight; exact up to the first one found).
 * An end is there: no head is read before its last CRLF has come.
 */
function visibleEnd(words: DataView, from: number): number {
  const last = words.byteLength - 16;
  let index = from;
  while (index <= last) {
    const left = marks(words.getInt32(index, true)) | marks(words.getInt32(index + 4, true));
    const right = marks(words.getInt32(index + 8, true)) | marks(words.getInt32(index + 12, true));
    if (((left | right) & 0x80808080) !== 0) break;
    index += 16;
  }
  for (;;) {
    const found = marks(words.getInt32(index, true)) & 0x80808080;
    if (found !== 0) return index + ((31 - Math.clz32(found & -found)) >> 3);
    index += 4;
  }
}

/** Highest bits of bytes below 0x20 or 0x7f; the other bits say nothing. */
function marks(word: number): number {
  const deletes = word ^ 0x7f7f7f7f;
  return ((word - 0x20202020) & ~word) | ((deletes - 0x01010101) & ~deletes);
}
