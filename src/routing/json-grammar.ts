// The JSON grammar of RFC 8259, walked over bytes without building values: each function takes the index where a token
// starts and returns the index after it. Strict on purpose: what is refused here can never be read in two ways.
// Must never accept a byte sequence that JSON.parse refuses (fuzzed against it). Callers have checked that it is UTF-8.

import { Refusal } from '../base/errors.ts';

/** Deepest nesting accepted. Stops bodies of brackets that exhaust the stack of a recursive parser, ours or the upstream's. */
export const maxJsonDepth = 128;

export const quote = 0x22;
export const comma = 0x2c;
export const openBrace = 0x7b;
export const closeBrace = 0x7d;
const colon = 0x3a;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const backslash = 0x5c;
const minus = 0x2d;
const zero = 0x30;
const literals = ['true', 'false', 'null'].map((text) => Buffer.from(text));
const simpleEscapes = new Set(Buffer.from('"\\/bfnrt'));

/** The refusal for a document that is not JSON: says where, never what stood there. */
export function malformedAt(index: number): Refusal {
  return new Refusal('body_malformed', { detail: `not JSON at byte ${index}` });
}

export function skipSpace(bytes: Buffer, at: number): number {
  let index = at;
  for (;;) {
    const code = bytes[index];
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return index;
    index += 1;
  }
}

/**
 * A document being walked, with a view of the same bytes four at a time: made once, since one for each string costs as much as
 * skipping a short one.
 */
export interface Json {
  readonly bytes: Buffer;
  readonly words: DataView;
}

export function jsonOf(bytes: Buffer): Json {
  return { bytes, words: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
}

/** @param at index of the opening quote. */
export function skipString({ bytes, words }: Json, at: number): number {
  const lastWord = bytes.length - 4;
  let index = at + 1;
  for (;;) {
    // Prompts are most of a body. One byte at a time 256 KB of them take 300 us, four at a time 145, sixteen first 95.
    while (index <= lastWord - 12) {
      const left = marks(words.getInt32(index, true)) | marks(words.getInt32(index + 4, true));
      const right = marks(words.getInt32(index + 8, true)) | marks(words.getInt32(index + 12, true));
      if (((left | right) & 0x80808080) !== 0) break;
      index += 16;
    }
    while (index <= lastWord) {
      const found = special(words.getInt32(index, true));
      if (found !== 0) {
        index += (31 - Math.clz32(found & -found)) >> 3;
        break;
      }
      index += 4;
    }
    const code = bytes[index];
    if (code === quote) return index + 1;
    if (code === backslash) index = skipEscape(bytes, index);
    else if (code !== undefined && code >= 0x20) index += 1;
    else throw malformedAt(index);
  }
}

/**
 * Which of four bytes, the first in the lowest place, are a quote, a backslash or a control character: the highest bit of the
 * first such byte is the lowest bit set; zero where there is none.
 * A byte is looked for by its distance from zero ("determine if a word has a byte less than n", Hacker's Delight), which is
 * exact up to the first one found. With their second bit turned over, quotes stand right above the control characters, in the
 * place of spaces, and one comparison is enough for both.
 */
function special(word: number): number {
  return marks(word) & 0x80808080;
}

/** The same with bits that say nothing: to be masked, which is done once for several words. */
function marks(word: number): number {
  const turned = word ^ 0x02020202;
  const backslashes = word ^ 0x5c5c5c5c;
  return ((turned - 0x21212121) & ~turned) | ((backslashes - 0x01010101) & ~backslashes);
}

function skipEscape(bytes: Buffer, at: number): number {
  const code = bytes[at + 1];
  if (code !== undefined && simpleEscapes.has(code)) return at + 2;
  if (code !== 0x75) throw malformedAt(at);
  for (let index = at + 2; index < at + 6; index += 1) if (!isHexDigit(bytes[index])) throw malformedAt(at);
  return at + 6;
}

function isHexDigit(code: number | undefined): boolean {
  return isDigit(code) || (code !== undefined && (code | 0x20) >= 0x61 && (code | 0x20) <= 0x66);
}

function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= zero && code <= 0x39;
}

function skipLiteral(bytes: Buffer, at: number): number {
  for (const literal of literals) {
    const end = at + literal.length;
    if (end <= bytes.length && bytes.compare(literal, 0, literal.length, at, end) === 0) return end;
  }
  throw malformedAt(at);
}

function skipDigits(bytes: Buffer, at: number): number {
  if (!isDigit(bytes[at])) throw malformedAt(at);
  let index = at + 1;
  while (isDigit(bytes[index])) index += 1;
  return index;
}

function skipNumber(bytes: Buffer, at: number): number {
  const whole = bytes[at] === minus ? at + 1 : at;
  let index = bytes[whole] === zero ? whole + 1 : skipDigits(bytes, whole);
  if (bytes[index] === 0x2e) index = skipDigits(bytes, index + 1);
  if (bytes[index] === 0x65 || bytes[index] === 0x45) {
    const sign = bytes[index + 1];
    index = skipDigits(bytes, sign === 0x2b || sign === minus ? index + 2 : index + 1);
  }
  return index;
}

function skipScalar(json: Json, at: number): number {
  const { bytes } = json;
  const code = bytes[at];
  if (code === quote) return skipString(json, at);
  return code === minus || isDigit(code) ? skipNumber(bytes, at) : skipLiteral(bytes, at);
}

/** Any value. @param depth containers already open around it. */
export function skipValue(json: Json, at: number, depth: number): number {
  const code = json.bytes[at];
  if (code !== openBrace && code !== openBracket) return skipScalar(json, at);
  enter(depth);
  return code === openBrace ? skipObject(json, at, depth + 1) : skipArray(json, at, depth + 1);
}

/** Refuses to open one more container inside `depth` others. */
export function enter(depth: number): void {
  if (depth >= maxJsonDepth) throw new Refusal('body_malformed', { detail: 'JSON is nested too deeply' });
}

/** A member's name and colon; returns where its value starts. */
export function skipKey(json: Json, at: number): number {
  const { bytes } = json;
  if (bytes[at] !== quote) throw malformedAt(at);
  const index = skipSpace(bytes, skipString(json, at));
  if (bytes[index] !== colon) throw malformedAt(index);
  return skipSpace(bytes, index + 1);
}

function skipObject(json: Json, at: number, depth: number): number {
  const { bytes } = json;
  let index = skipSpace(bytes, at + 1);
  if (bytes[index] === closeBrace) return index + 1;
  for (;;) {
    index = skipSpace(bytes, skipValue(json, skipKey(json, index), depth));
    if (bytes[index] === closeBrace) return index + 1;
    if (bytes[index] !== comma) throw malformedAt(index);
    index = skipSpace(bytes, index + 1);
  }
}

function skipArray(json: Json, at: number, depth: number): number {
  const { bytes } = json;
  let index = skipSpace(bytes, at + 1);
  if (bytes[index] === closeBracket) return index + 1;
  for (;;) {
    index = skipSpace(bytes, skipValue(json, index, depth));
    if (bytes[index] === closeBracket) return index + 1;
    if (bytes[index] !== comma) throw malformedAt(index);
    index = skipSpace(bytes, index + 1);
  }
}
