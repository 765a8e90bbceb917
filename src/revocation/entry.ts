// One line of the list: what is revoked, since when, by whom and why; or that an earlier line is lifted.
// Must never take a line for less than it says: what is not understood whole is a problem, and told.

import * as z from 'zod';
import { digest } from '../base/digest.ts';

/** Longest line, in characters; stops one line from being the whole list. Names of parties have at most 1,024. */
export const maxLine = 8_192;

const maxName = 1_024;
const maxText = 512;

/** Stands for every issuer, in place of one. */
export const anyIssuer = '*';

export const partyKinds = ['subject', 'actor', 'member'] as const;
export const valueKinds = ['token', 'root', 'route'] as const;

export type PartyKind = (typeof partyKinds)[number];
export type ValueKind = (typeof valueKinds)[number];
export type Kind = PartyKind | ValueKind;

export interface Party {
  /** {@link anyIssuer} for whichever. */
  readonly iss: string;
  readonly sub: string;
}

interface EntryFacts {
  readonly id: string;
  /** As written: told, never decided by. */
  readonly at: string | undefined;
  /** Milliseconds since the epoch at which it ends by itself. */
  readonly until: number | undefined;
  readonly reason: string | undefined;
  readonly by: string | undefined;
}

/** `subject`: on whose behalf; `actor`: who makes the call; `member`: either, or any actor before. */
export interface PartyEntry extends EntryFacts {
  readonly kind: PartyKind;
  readonly party: Party;
  /** Milliseconds since the epoch: only tokens issued before are revoked. */
  readonly issuedBefore: number | undefined;
}

/** `token`: a `jti`, or its digest as audit and spans show it; `root`: a delegation; `route`: its id. */
export interface ValueEntry extends EntryFacts {
  readonly kind: ValueKind;
  readonly value: string;
}

export type Entry = PartyEntry | ValueEntry;

/** What a line says. */
export type Line =
  | { readonly says: 'revoked'; readonly entry: Entry }
  | { readonly says: 'lifted'; readonly id: string }
  | { readonly says: 'nothing'; readonly problem: string };

const name = z.string().min(1).max(maxName);
const instant = z.iso.datetime({ offset: true, error: 'is not a time such as 2026-11-22T10:00:00Z' });
const party = z.strictObject({ iss: name, sub: name });

const lineSchema = z
  .strictObject({
    id: z.string().regex(/^[\w-]{1,64}$/, 'is not an id of at most 64 letters, digits, "-" and "_"'),
    at: instant,
    ...{ subject: party, actor: party, member: party },
    ...{ token: name, root: name, route: name, lift: name },
    issued_before: instant,
    until: instant,
    reason: z.string().max(maxText),
    by: z.string().max(maxText),
  })
  .partial();

type LineFields = z.output<typeof lineSchema>;

/** One line as it is written to the list. */
export type WrittenLine = z.input<typeof lineSchema>;

const whats = [...partyKinds, ...valueKinds, 'lift'] as const;

/** @param text without its line break, not empty */
export function readEntry(text: string): Line {
  if (text.length > maxLine) return nothing(`is longer than ${maxLine} characters`);
  // A name in another encoding would be taken for one that nobody has.
  if (text.includes('\ufffd')) return nothing('is not UTF-8');
  const value = parsed(text);
  const checked = lineSchema.safeParse(value);
  if (!checked.success) return nothing(checked.error.issues.slice(0, 3).map(told).join('; '));
  // JSON.parse would take the last and drop the others without a word.
  if (keysOf(text) !== membersOf(value)) return nothing('has a field twice');
  const fields = checked.data;
  const named = whats.filter((what) => fields[what] !== undefined);
  if (named.length !== 1) return nothing(`names ${named.length === 0 ? 'none' : 'several'} of ${whats.join(', ')}`);
  const mistake = contradiction(fields);
  return mistake === undefined ? lineOf(fields, text) : nothing(mistake);
}

/** Where an option would not do what its writer thinks, the line is not taken for what it does without it. */
function contradiction({ issued_before: before, subject, member, lift, until }: LineFields): string | undefined {
  if (before !== undefined && subject === undefined && member === undefined) {
    return 'has issued_before, which goes with subject or member';
  }
  return lift !== undefined && until !== undefined ? 'has until, which does not go with lift' : undefined;
}

function lineOf(fields: LineFields, text: string): Line {
  const { id, at, reason, by, lift } = fields;
  if (lift !== undefined) return { says: 'lifted', id: lift };
  // A line that its writer gave no id has one all the same, to lift it by.
  const facts = { id: id ?? idOfText(text), at, until: milliseconds(fields.until), reason, by };
  const issuedBefore = milliseconds(fields.issued_before);
  for (const kind of partyKinds) {
    const one = fields[kind];
    if (one !== undefined) return { says: 'revoked', entry: { ...facts, kind, party: one, issuedBefore } };
  }
  for (const kind of valueKinds) {
    const value = fields[kind];
    if (value !== undefined) return { says: 'revoked', entry: { ...facts, kind, value } };
  }
  return nothing('names nothing');
}

/** For a line that has no id of its own, or one that another has already. */
export function idOfText(text: string): string {
  return `r-${digest([text]).slice(0, 16)}`;
}

function milliseconds(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // told as "expected object"
  }
}

/** How many names of members stand in a JSON text: strings with a colon after them. */
function keysOf(text: string): number {
  return [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter(([, colon]) => colon !== undefined).length;
}

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const members = Object.values(value);
  return members.reduce<number>((sum, member) => sum + membersOf(member), members.length);
}

/** Never quotes the line: it may have been meant for another file. */
function told({ path, message, code }: z.core.$ZodIssue): string {
  if (path.length === 0 && code === 'invalid_type') return 'is no JSON object';
  if (code === 'unrecognized_keys') return 'has a field that is not known';
  return `${path.join('.')}: ${message}`;
}

function nothing(problem: string): Line {
  return { says: 'nothing', problem };
}
