// One line of the audit log: a JSON document with its place in the chain (`seq`), the digest of the line before it (`prev`)
// and, last, its own digest (`hash`, over the bytes before it). So that a change of any byte shows in the line itself, and a
// line that is missing, moved or repeated shows between its neighbours. Writing and reading stand together here, since one
// must never take for whole what the other did not make. A digest is no signature: see checkpoint.ts.

import { hash } from 'node:crypto';
import type { Json, JsonObject } from '../principal.ts';

/** Longest line, in bytes: the largest record has a tenth of it. Stops a file without line ends from filling memory. */
export const maxLine = 262_144;

/** A place in the chain. */
export interface Head {
  readonly seq: number;
  /** SHA-256, base64url. */
  readonly hash: string;
}

/** The place before the first line of a chain. */
export const beginning: Head = { seq: -1, hash: '' };

/** `,"hash":"` + 43 characters + `"}` */
const hashSuffix = /^,"hash":"([A-Za-z0-9_-]{43})"\}$/;
export const suffixLength = 54;

/**
 * What a digest is made of: the line but for its end.
 * @param members JSON text of any fields but seq, prev and hash; at least one.
 */
export function unsealed(after: Head, members: string): string {
  return `{"seq":${after.seq + 1},"prev":"${after.hash}",${members}`;
}

export function digestOf(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'base64url');
}

/** The end of a line. */
export function sealOf(digest: string): string {
  return `,"hash":"${digest}"}`;
}

export interface ReadLine extends Head {
  readonly prev: string;
  /** Whether its bytes are those its digest was made of. */
  readonly intact: boolean;
  readonly record: JsonObject;
}

/** @param bytes of one line, without its line end. @returns undefined for what this gate never wrote. */
export function readLine(bytes: Buffer): ReadLine | undefined {
  if (bytes.length > maxLine) return undefined;
  const stated = hashSuffix.exec(bytes.subarray(-suffixLength).toString('latin1'))?.[1];
  const record = parseObject(bytes);
  const { seq, prev } = record ?? {};
  if (stated === undefined || record === undefined || typeof prev !== 'string') return undefined;
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 0) return undefined;
  const intact = digestOf(bytes.subarray(0, -suffixLength)) === stated;
  return { seq, prev, hash: stated, intact, record };
}

function parseObject(bytes: Buffer): JsonObject | undefined {
  try {
    const value: Json = JSON.parse(bytes.toString());
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
