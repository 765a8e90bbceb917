// The few members of a JSON text that usage is read from, parsed; all else is walked over and never becomes a value: an answer is
// nine tenths content, and parsing all of it cost 10 us of a call and what it left to collect.
// Must never make a value of content, nor fail on any text: what is not whole JSON has nothing to tell.

/** Longest value parsed, in characters: names and counts are short, and bounded once more where they are read. */
const maxValue = 16_384;

/** Items kept: of an array of documents the last, since usage comes last, of choices the first. */
const maxItems = 8;

/** Members to keep by name: as they are, or of an object (or of each in an array) these. */
interface Wanted {
  readonly [name: string]: true | Wanted;
}

const whole = true;

const answer: Wanted = {
  ...{ id: whole, responseId: whole, model: whole, modelVersion: whole, object: whole, status: whole },
  ...{ usage: whole, usageMetadata: whole, 'amazon-bedrock-invocationMetrics': whole },
  ...{ stop_reason: whole, stopReason: whole, delta: { stop_reason: whole }, incomplete_details: { reason: whole } },
  choices: { finish_reason: whole },
  candidates: { finishReason: whole },
  ...{ jsonrpc: whole, error: { code: whole }, result: { isError: whole } },
};

/** Stream events wrap the answer. */
const document = compile({ ...answer, response: answer, message: answer });

type Compiled = ReadonlyMap<string, typeof whole | Compiled>;

function compile(wanted: Wanted): Compiled {
  return new Map(Object.entries(wanted).map(([name, inner]) => [name, inner === whole ? whole : compile(inner)]));
}

/** Nothing to decode: most names. */
const plainString = /^"[^"\\\u0000-\u001f]*"$/;

interface Walk {
  readonly text: string;
  at: number;
}

class NotJson extends Error {}

/** @returns the document without what usage is not read from; undefined for what is no whole object, or array of objects */
export function pickUsage(text: string): unknown {
  const walk = { text, at: 0 };
  try {
    const picked = codeAt(walk) === openBracket ? pickItems(walk, document, true) : pick(walk, document);
    return codeAt(walk) === undefined ? picked : undefined;
  } catch (failure) {
    if (failure instanceof NotJson) return undefined;
    throw failure;
  }
}

function pick(walk: Walk, wanted: Compiled): unknown {
  const code = codeAt(walk);
  if (code === openBrace) return pickObject(walk, wanted);
  if (code === openBracket) return pickItems(walk, wanted, false);
  skipValue(walk);
  return undefined;
}

function pickObject(walk: Walk, wanted: Compiled): object {
  const picked: Record<string, unknown> = Object.create(null);
  walk.at += 1;
  if (codeAt(walk) === closeBrace) {
    walk.at += 1;
    return picked;
  }
  for (;;) {
    const name = nameAt(walk);
    const inner = wanted.get(name);
    if (inner === undefined) skipValue(walk);
    else picked[name] = inner === whole ? valueAt(walk) : pick(walk, inner);
    if (ends(walk, closeBrace)) return picked;
  }
}

function pickItems(walk: Walk, wanted: Compiled, last: boolean): unknown[] {
  const picked: unknown[] = [];
  walk.at += 1;
  if (codeAt(walk) === closeBracket) {
    walk.at += 1;
    return picked;
  }
  for (;;) {
    let item: object | undefined;
    if (codeAt(walk) === openBrace && (last || picked.length < maxItems)) item = pickObject(walk, wanted);
    else skipValue(walk);
    // What is no object keeps its place.
    if (last || picked.length < maxItems) picked.push(item);
    if (picked.length > maxItems) picked.shift();
    if (ends(walk, closeBracket)) return picked;
  }
}

/** Past a comma, or past the end of what is open. @returns whether it was the end */
function ends(walk: Walk, close: number): boolean {
  const code = codeAt(walk);
  walk.at += 1;
  if (code === close) return true;
  if (code !== comma) throw new NotJson();
  return false;
}

/** Name of a member, as it is written; the walk is behind its colon then. */
function nameAt(walk: Walk): string {
  if (codeAt(walk) !== quote) throw new NotJson();
  const from = walk.at + 1;
  skipString(walk);
  const name = walk.text.slice(from, walk.at - 1);
  if (codeAt(walk) !== colon) throw new NotJson();
  walk.at += 1;
  return name;
}

function valueAt(walk: Walk): unknown {
  codeAt(walk);
  const from = walk.at;
  skipValue(walk);
  if (walk.at - from > maxValue) return undefined;
  const written = walk.text.slice(from, walk.at);
  if (plainString.test(written)) return written.slice(1, -1);
  try {
    return JSON.parse(written);
  } catch {
    throw new NotJson();
  }
}

function skipValue(walk: Walk): void {
  const code = codeAt(walk);
  if (code === quote) skipString(walk);
  else if (code === openBrace || code === openBracket) skipNested(walk);
  else skipScalar(walk);
}

/** Over what is open to its end. Which brackets belong together is not looked at: nothing of it is used. */
function skipNested(walk: Walk): void {
  const { text } = walk;
  let depth = 0;
  while (walk.at < text.length) {
    const code = text.charCodeAt(walk.at);
    if (code === quote) {
      skipString(walk);
      continue;
    }
    walk.at += 1;
    if (code === openBrace || code === openBracket) depth += 1;
    else if (code === closeBrace || code === closeBracket) depth -= 1;
    if (depth === 0) return;
  }
  throw new NotJson();
}

/** From its opening quote. Content is most of an answer, and is searched for its end by the runtime. */
function skipString(walk: Walk): void {
  const { text } = walk;
  let end = text.indexOf('"', walk.at + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  if (end === -1) throw new NotJson();
  walk.at = end + 1;
}

/** Whether an odd number of backslashes stands before it. */
function isEscaped(text: string, at: number): boolean {
  let from = at;
  while (text.charCodeAt(from - 1) === backslash) from -= 1;
  return (at - from) % 2 === 1;
}

function skipScalar(walk: Walk): void {
  const { text } = walk;
  const from = walk.at;
  while (walk.at < text.length && !endsScalar(text.charCodeAt(walk.at))) walk.at += 1;
  if (walk.at === from) throw new NotJson();
}

function endsScalar(code: number): boolean {
  return code === comma || code === closeBrace || code === closeBracket || code <= space;
}

/** The next character that is no white space; undefined at the end. */
function codeAt(walk: Walk): number | undefined {
  const { text } = walk;
  while (walk.at < text.length && text.charCodeAt(walk.at) <= space) walk.at += 1;
  return walk.at < text.length ? text.charCodeAt(walk.at) : undefined;
}

const space = 0x20;
const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
