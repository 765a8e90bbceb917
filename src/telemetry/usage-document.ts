// Token usage of an answer that is one JSON document: of what was kept of it, parsed when it ends.
// Must never keep more than the window does, nor a piece of the answer beyond its end.

import type { RawHeaders } from '../call.ts';
import { readDocument, readUsage, type Usage } from './usage-fields.ts';
import { countsOf } from './usage-frames.ts';
import { createUsageWindow, headBytes, type UsageWindow } from './usage-window.ts';

/** Of one answer; a record whose methods take it as `this`, as the observations'. */
interface DocumentReader {
  readonly headers: RawHeaders;
  /** The one piece that has come so far: most answers are one, and are not copied. */
  only: Buffer | undefined;
  window: UsageWindow | undefined;
  passed(chunk: Buffer): void;
  end(): Usage;
}

export function createDocumentReader(headers: RawHeaders): DocumentReader {
  const reader: DocumentReader = { headers, only: undefined, window: undefined, passed, end };
  return reader;
}

function passed(this: DocumentReader, chunk: Buffer): void {
  if (this.window !== undefined) this.window.passed(chunk);
  else if (this.only === undefined && chunk.length <= headBytes) this.only = chunk;
  else this.window = windowOf(this.only, chunk);
  if (this.window !== undefined) this.only = undefined;
}

function windowOf(first: Buffer | undefined, chunk: Buffer): UsageWindow {
  const window = createUsageWindow();
  if (first !== undefined) window.passed(first);
  window.passed(chunk);
  return window;
}

function end(this: DocumentReader): Usage {
  const usage: Usage = {};
  if (this.only !== undefined) readJson(this.only.toString('utf8'), usage);
  else if (this.window !== undefined) readWindow(this.window, usage);
  if (usage.inputTokens === undefined) readUsage(countsOf(this.headers), usage);
  return usage;
}

function readWindow(window: UsageWindow, usage: Usage): void {
  const { head, tail, whole } = window.read();
  if (tail.length === 0) readJson(head.toString('utf8'), usage);
  else if (whole) readJson(Buffer.concat([head, tail]).toString('utf8'), usage);
  else readTail(tail.toString('utf8'), usage);
  window.close();
}

/** What one document tells; nothing where it is none. */
export function readJson(text: string, usage: Usage): void {
  const document = parse(text);
  if (document !== undefined) readDocument(document, usage);
}

/** An answer whose middle is gone: the last usage object that stands whole in its tail. */
export function readTail(text: string, usage: Usage): void {
  for (const name of ['"usage"', '"usageMetadata"']) {
    const at = text.lastIndexOf(name);
    if (at === -1) continue;
    const open = text.indexOf('{', at + name.length);
    if (open === -1 || text.slice(at + name.length, open).trim() !== ':') continue;
    const counts = parse(balanced(text, open));
    if (counts !== undefined) readUsage(counts, usage);
  }
}

/** From `open` to its closing brace. Usage objects hold numbers and names only, so braces inside strings need no care. */
function balanced(text: string, open: number): string {
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x7b) depth += 1;
    if (code === 0x7d) depth -= 1;
    if (depth === 0) return text.slice(open, at + 1);
  }
  return '';
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
