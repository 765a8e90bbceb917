// Token usage of a response, read along while it passes: JSON, server-sent events or AWS frames, of every model API and MCP.
// Parses at the end what was kept, and the first events of a stream when they are dropped; what is too large gives what its tail
// tells. Never throws, never delays a byte, never keeps content: what was kept is dropped with the parse.

import type { RawHeaders } from '../call.ts';
import { createDocumentReader, readJson, readTail } from './usage-document.ts';
import type { Usage } from './usage-fields.ts';
import { chunksOf } from './usage-frames.ts';
import { type EventTail, keep, kept, takeRoom } from './usage-tail.ts';

export type { Usage } from './usage-fields.ts';

/** Events parsed of one response, from its beginning (id, model) and its end (usage): many tiny events cost time. */
const maxEvents = 48;
const firstEvents = 8;

export interface UsageReader {
  passed(chunk: Buffer): void;
  end(): Usage;
}

/** @returns undefined where there is nothing to read: another media type, or a body that is compressed */
export function createUsageReader(headers: RawHeaders): UsageReader | undefined {
  const { type, encoding } = readMediaType(headers);
  if (encoding !== '' && encoding !== 'identity') return undefined;
  if (type === 'text/event-stream') return createEventReader(serverSentEvents);
  if (type === 'application/vnd.amazon.eventstream') return createEventReader(frames);
  if (type === 'application/json' || type.endsWith('+json')) return createDocumentReader(headers);
  return undefined;
}

type Read = (text: string, usage: Usage) => void;

/** How events of a stream are told apart, and read. */
interface Format {
  /** What every event has once. */
  readonly mark: Buffer;
  readonly readStart: Read;
  readonly readEnd: Read;
}

const serverSentEvents: Format = {
  // A line feed within an event's JSON is written in another way.
  mark: Buffer.from('\ndata:'),
  readStart: readBeginning,
  readEnd: readEvents,
};
const frames: Format = { mark: Buffer.from(':event-type'), readStart: readFrames, readEnd: readFrames };

/** Of one stream; a record whose methods take it as `this`, as the observations'. */
interface EventReader extends EventTail, UsageReader {
  readonly format: Format;
  readonly usage: Usage;
}

function createEventReader(format: Format): UsageReader {
  const { mark } = format;
  const reader: EventReader = {
    mark,
    format,
    usage: {},
    room: takeRoom(),
    length: 0,
    whole: true,
    begun,
    passed,
    end,
  };
  return reader;
}

function begun(this: EventReader, start: Buffer): void {
  this.format.readStart(start.toString('utf8'), this.usage);
}

function passed(this: EventReader, chunk: Buffer): void {
  keep(this, chunk);
}

function end(this: EventReader): Usage {
  const text = kept(this).toString('utf8');
  if (!this.whole) readTail(text, this.usage);
  this.format.readEnd(text, this.usage);
  return this.usage;
}

export function isEventStream(headers: RawHeaders): boolean {
  const { type } = readMediaType(headers);
  return type === 'text/event-stream' || type === 'application/vnd.amazon.eventstream';
}

function readMediaType(headers: RawHeaders): { type: string; encoding: string } {
  let type = '';
  let encoding = '';
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at];
    if (name?.length === 12 && name.toLowerCase() === 'content-type') type = headers[at + 1] ?? '';
    if (name?.length === 16 && name.toLowerCase() === 'content-encoding') encoding = headers[at + 1] ?? '';
  }
  const parameters = type.indexOf(';');
  const bare = parameters === -1 ? type : type.slice(0, parameters);
  return { type: bare.trim().toLowerCase(), encoding: encoding.trim().toLowerCase() };
}

/** Server-sent events: each `data:` line that is a whole JSON document. Lines that were cut in two do not parse. */
function readEvents(text: string, usage: Usage): void {
  const lines = dataLines(text);
  const chosen =
    lines.length > maxEvents ? [...lines.slice(0, firstEvents), ...lines.slice(firstEvents - maxEvents)] : lines;
  for (const line of chosen) readJson(line.slice('data:'.length), usage);
}

/** The first events up to the one that tells id and model, which is the first of all with most APIs. */
function readBeginning(text: string, usage: Usage): void {
  for (const line of dataLines(text).slice(0, firstEvents)) {
    readJson(line.slice('data:'.length), usage);
    if (usage.responseId !== undefined && usage.responseModel !== undefined) return;
  }
}

function dataLines(text: string): string[] {
  return text.split(/\r\n|\r|\n/).filter((line) => line.startsWith('data:'));
}

/** Frames of Bedrock: usage as it stands in the last of them, or in the chunks of a model's own events. */
function readFrames(text: string, usage: Usage): void {
  for (const chunk of chunksOf(text)) readJson(chunk, usage);
  readTail(text, usage);
}
