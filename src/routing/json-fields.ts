// Turns scanned fields into the facts policy compares: strings that mean the same to everyone who reads them later.
// Must never pass on a value that a C string, a terminal or a log line would read differently, nor one without bound.

import { Refusal } from '../base/errors.ts';
import type { Scan, ScannedValue } from './json-scan.ts';

/** Longest value that may become a fact, in characters. Stops a caller from filling spans and audit records. */
const maxFactLength = 2_048;

/** C0 and C1 controls and DEL: a NUL ends a string in C, a newline forges a log line. */
const control = /[\u0000-\u001f\u007f-\u009f]/;

/** Refuses text that must not become a fact. @param name what to call it in the refusal; never the text itself. */
export function requireFact(text: string, name: string): string {
  if (text.length > maxFactLength) throw new Refusal('body_malformed', { detail: `${name} is too long` });
  if (control.test(text) || !text.isWellFormed()) {
    throw new Refusal('body_malformed', { detail: `${name} holds control characters or broken Unicode` });
  }
  return text;
}

/** A string field; undefined when absent. @throws Refusal body_malformed when it is anything else. */
export function stringField(bytes: Buffer, scan: Scan, pointer: string): string | undefined {
  const value = scan.get(pointer);
  if (value === undefined) return undefined;
  if (value.kind !== 'string') throw wrongKind(pointer, 'a string');
  const decoded: unknown = JSON.parse(rawText(bytes, value));
  return requireFact(String(decoded), pointer);
}

/** A boolean field; null counts as false, as model APIs read it. Undefined when absent. */
export function booleanField(bytes: Buffer, scan: Scan, pointer: string): boolean | undefined {
  const value = scan.get(pointer);
  if (value === undefined) return undefined;
  if (value.kind === 'null') return false;
  if (value.kind !== 'boolean') throw wrongKind(pointer, 'a boolean');
  return rawText(bytes, value) === 'true';
}

/** The value exactly as written. */
export function rawText(bytes: Buffer, value: ScannedValue): string {
  return bytes.toString('utf8', value.start, value.end);
}

/** Refuses a body that is not one JSON object. */
export function requireObject(scan: Scan): void {
  if (scan.get('')?.kind !== 'object') throw wrongKind('the body', 'a JSON object');
}

export function wrongKind(pointer: string, wanted: string): Refusal {
  return new Refusal('body_malformed', { detail: `${pointer} is not ${wanted}` });
}
