// Records as a story: for each delegation on whose behalf, through which actors, and what each of them did in the order of time.
// The tree is that of the verified chains (subject, then actor by actor), never of what a caller said of itself.

import type { Json, JsonObject } from '../principal.ts';
import { isObject } from './line.ts';

/** One call, from everything that was recorded of it. */
export interface IncidentCall {
  readonly time: string;
  /** The end of the call; undefined while it lasts, or where the gate was stopped. */
  readonly end: JsonObject | undefined;
  /** Decision and exchanges before the end. */
  readonly before: readonly JsonObject[];
}

/** A party and what it did, then those it called on. */
export interface Hop {
  readonly name: string;
  readonly calls: readonly IncidentCall[];
  readonly hops: readonly Hop[];
}

export interface Delegation {
  /** undefined for calls whose caller was not established. */
  readonly root: string | undefined;
  readonly from: string;
  readonly to: string;
  readonly traces: readonly string[];
  /** The subject. */
  readonly subject: Hop;
}

export interface Incident {
  readonly delegations: readonly Delegation[];
  /** What belongs to no call: changes of configuration, revocations. */
  readonly events: readonly JsonObject[];
}

interface GrowingHop extends Hop {
  readonly calls: IncidentCall[];
  readonly hops: GrowingHop[];
}

/** @param records in the order of the log. */
export function tellIncident(records: readonly JsonObject[]): Incident {
  const byCall = Map.groupBy(records, (record) => textOf(record['request_id']));
  const events = byCall.get(undefined) ?? [];
  byCall.delete(undefined);
  const byRoot = Map.groupBy(byCall.values(), ([first]) => textOf(first?.['root_id']));
  const delegations = [...byRoot].map(([root, calls]) => tellDelegation(root, calls));
  delegations.sort((a, b) => (a.from < b.from ? -1 : 1));
  return { delegations, events };
}

function tellDelegation(root: string | undefined, calls: readonly (readonly JsonObject[])[]): Delegation {
  const all = calls.flat();
  const times = all.flatMap((record) => [beganAt(record), textOf(record['time']) ?? '']).sort();
  const traces = new Set(all.flatMap((record) => textOf(record['trace_id']) ?? []));
  const subject: GrowingHop = { name: nameOf(all[0]?.['subject']) ?? 'not established', calls: [], hops: [] };
  for (const records of calls) {
    const hop = pathOf(records[0]).reduce(stepTo, subject);
    hop.calls.push(tellCall(records));
  }
  sortCalls(subject);
  return { root, from: times[0] ?? '', to: times.at(-1) ?? '', traces: [...traces], subject };
}

function stepTo(hop: GrowingHop, name: string): GrowingHop {
  const known = hop.hops.find((next) => next.name === name);
  if (known !== undefined) return known;
  const next = { name, calls: [], hops: [] };
  hop.hops.push(next);
  return next;
}

function tellCall(records: readonly JsonObject[]): IncidentCall {
  const end = records.find(({ event }) => event === 'postern.access.allowed' || event === 'postern.access.denied');
  const began = records.map(beganAt).sort()[0] ?? '';
  return { time: began, end, before: records.filter((record) => record !== end) };
}

/** Records of calls and exchanges are made at their end: the story is told by when they began. */
function beganAt({ time, duration_ms: ms }: JsonObject): string {
  const at = Date.parse(textOf(time) ?? '');
  return Number.isNaN(at) ? '' : new Date(at - (typeof ms === 'number' ? ms : 0)).toISOString();
}

function sortCalls({ calls, hops }: GrowingHop): void {
  calls.sort((a, b) => (a.time < b.time ? -1 : 1));
  for (const hop of hops) sortCalls(hop);
}

/** Actors from the subject on: the record has them outermost first. */
function pathOf(record: JsonObject | undefined): readonly string[] {
  const actors = record?.['actors'];
  return Array.isArray(actors) ? actors.toReversed().map((actor) => nameOf(actor) ?? 'unnamed') : [];
}

/** A party's name or pseudonym. */
export function nameOf(party: Json | undefined): string | undefined {
  if (!isObject(party)) return undefined;
  return textOf(party['sub']) ?? textOf(party['id']) ?? textOf(party['kind']);
}

export function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
