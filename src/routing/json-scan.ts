// Reads a few named fields out of a JSON document without building the rest, and proves on the way that the whole
// document can be read in one way only: what policy saw is what the upstream parses.
// Refuses what parsers disagree about: a field given twice, spelt with escapes, or in other letter case (Go's
// encoding/json takes "Method" and "paramſ" for "method" and "params": CVE-2026-27896). Must never guess which one counts.

import { isUtf8 } from 'node:buffer';
import { byText } from '../base/by-text.ts';
import { Refusal } from '../base/errors.ts';
import {
  closeBrace,
  comma,
  enter,
  type Json,
  jsonOf,
  malformedAt,
  openBrace,
  quote,
  skipKey,
  skipSpace,
  skipString,
  skipValue,
} from './json-grammar.ts';

export type JsonKind = 'string' | 'number' | 'boolean' | 'null' | 'object' | 'array';

/** Where a value stands in the document: `start` inclusive, `end` exclusive, in bytes. */
export interface ScannedValue {
  readonly kind: JsonKind;
  readonly start: number;
  readonly end: number;
  /** Members of an object the shape asked to list, in order. */
  readonly members: readonly ScannedMember[];
}

/** A member of a listed object: its folded name and where it stands, name included. */
export interface ScannedMember {
  readonly foldedName: string;
  readonly start: number;
  readonly end: number;
}

/** The fields found, by JSON pointer (RFC 6901); `''` is the document itself. */
export type Scan = ReadonlyMap<string, ScannedValue>;

/** Fields to look for, compiled once. */
export interface Shape {
  readonly pointer: string;
  readonly listed: boolean;
  readonly children: ReadonlyMap<string, Shape>;
  /** Names of children as any parser might match them. */
  readonly foldedNames: ReadonlySet<string>;
}

/** A name as the most lenient parser sees it: cut at a NUL, letter case gone, U+017F and U+212A folded onto s and k. */
export function foldName(name: string): string {
  return (name.split('\0', 1)[0] ?? '').toUpperCase().toLowerCase();
}

/**
 * @param pointers fields to find, as JSON pointers; their ancestors are found too.
 * @param listed pointers among them whose members are to be listed.
 */
export function compileShape(pointers: readonly string[], listed: readonly string[] = [], pointer = ''): Shape {
  const inside = pointers.filter((each) => each.startsWith(`${pointer}/`));
  const tokens = new Set(inside.map((each) => each.slice(pointer.length + 1).split('/')[0] ?? ''));
  const children = new Map<string, Shape>();
  for (const token of tokens) {
    children.set(unescapeToken(token), compileShape(pointers, listed, `${pointer}/${token}`));
  }
  const foldedNames = new Set([...children.keys()].map(foldName));
  return { pointer, listed: listed.includes(pointer), children, foldedNames };
}

function unescapeToken(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}

/**
 * @throws Refusal body_malformed when the bytes are not exactly one JSON document in UTF-8,
 * body_field_ambiguous when a field of the shape is given in more than one way.
 */
export function scanJson(bytes: Buffer, shape: Shape): Scan {
  if (!isUtf8(bytes)) throw new Refusal('body_malformed', { detail: 'body is not UTF-8' });
  const found = new Map<string, ScannedValue>();
  const end = skipSpace(bytes, readValue(jsonOf(bytes), skipSpace(bytes, 0), shape, found, 0));
  if (end !== bytes.length) throw malformedAt(end); // a second document, or anything else, after the first
  return found;
}

type Found = Map<string, ScannedValue>;

function readValue(json: Json, start: number, shape: Shape, found: Found, depth: number): number {
  const { bytes } = json;
  const members: ScannedMember[] = [];
  const looksInside = bytes[start] === openBrace && (shape.listed || shape.children.size > 0);
  const end = looksInside ? readObject(json, start, shape, found, depth, members) : skipValue(json, start, depth);
  if (found.has(shape.pointer)) throw ambiguous(shape.pointer, 'is given twice');
  found.set(shape.pointer, { kind: kindAt(bytes, start), start, end, members });
  return end;
}

function readObject(
  json: Json,
  at: number,
  shape: Shape,
  found: Found,
  depth: number,
  members: ScannedMember[],
): number {
  enter(depth);
  const { bytes } = json;
  let index = skipSpace(bytes, at + 1);
  if (bytes[index] === closeBrace) return index + 1;
  for (;;) {
    const start = skipKey(json, index);
    const child = childAt(json, index, shape);
    const end =
      child === undefined ? skipValue(json, start, depth + 1) : readValue(json, start, child, found, depth + 1);
    if (shape.listed) members.push({ foldedName: foldName(nameAt(json, index)), start: index, end });
    index = skipSpace(bytes, end);
    if (bytes[index] === closeBrace) return index + 1;
    if (bytes[index] !== comma) throw malformedAt(index);
    index = skipSpace(bytes, index + 1);
  }
}

/** The field a member's name means to every parser, or undefined when it means none of ours to any. */
function childAt(json: Json, at: number, shape: Shape): Shape | undefined {
  const written = json.bytes.toString('latin1', at + 1, skipString(json, at) - 1);
  const child = shape.children.get(written);
  if (child !== undefined) return child;
  const name = unusual.test(written) ? nameAt(json, at) : written;
  if (shape.foldedNames.has(folded(name))) {
    throw ambiguous(shape.pointer, 'holds a field written in an unusual way');
  }
  return undefined;
}

/** Bodies have the same few names again and again. */
const folded = byText(foldName);

/** Spelt with escapes or outside ASCII. */
const unusual = /[\\\u0080-\u00ff]/;

/** The string starting at `at`, decoded. */
function nameAt(json: Json, at: number): string {
  const decoded: unknown = JSON.parse(json.bytes.toString('utf8', at, skipString(json, at)));
  return String(decoded);
}

function ambiguous(pointer: string, what: string): Refusal {
  return new Refusal('body_field_ambiguous', { detail: `${pointer === '' ? 'the body' : pointer} ${what}` });
}

function kindAt(bytes: Buffer, at: number): JsonKind {
  switch (bytes[at]) {
    case quote:
      return 'string';
    case openBrace:
      return 'object';
    case 0x5b:
      return 'array';
    case 0x74:
    case 0x66:
      return 'boolean';
    case 0x6e:
      return 'null';
    default:
      return 'number';
  }
}
