// The response guard: searches textual response bodies for the credential placed on the call and masks every occurrence with
// as many `*`, so framing and lengths stay. Stops upstreams that reflect requests (debug endpoints, error pages) from handing
// the gate's credential to the agent. See docs/adr/0005.
// Limits: it knows the credential as it is, percent-encoded and with "\/" for "/" as JSON may write it; not base64 of it, not
// other escapes, not split over two WebSocket frames. An upstream that means to leak what it was given can.

import { awsKeysOf } from '../base/aws-keys.ts';
import { boundTokenOf } from '../base/bound-token.ts';
import type { Secret } from '../base/secret.ts';
import type { Placement } from '../credential.ts';

/** Shorter values are not searched for: they occur by chance, and masking chance would corrupt answers. */
const minGuardedLength = 8;

/** What no answer may hold, and what it takes to look for it. */
export interface Guarded {
  /** Spellings of a credential; empty where there is none worth looking for. */
  readonly forms: readonly string[];
  /** The same as bytes. */
  readonly needles: readonly Buffer[];
  /** What to put in the place of one. */
  readonly mask: string;
  /** Lengths of the shortest and the longest. */
  readonly shortest: number;
  readonly longest: number;
  /** 1 at each byte that occurs in a needle. */
  readonly letters: Uint8Array;
}

const nothingGuarded = lookFor([]);

/** Made once for each credential and given up with it: encoding a JWT anew took 1 us of every call. */
const known = new WeakMap<Secret, Guarded>();

/** What is to be kept from the agent of a credential that is placed like this. */
export function guardedBy(secret: Secret | undefined, placedAs: Placement['kind'] = 'header'): Guarded {
  if (placedAs === 'none' || secret === undefined || secret.length < minGuardedLength) return nothingGuarded;
  const before = known.get(secret);
  if (before !== undefined) return before;
  const guarded = lookFor(spellAs(placedAs, secret));
  known.set(secret, guarded);
  return guarded;
}

/** @param forms what to look for, in every spelling */
export function lookFor(forms: readonly string[]): Guarded {
  const needles = forms.map((form) => Buffer.from(form, 'latin1'));
  const lengths = needles.map(({ length }) => length);
  const letters = new Uint8Array(256);
  for (const needle of needles) for (const letter of needle) letters[letter] = 1;
  return {
    forms,
    needles,
    mask: maskFor(forms),
    shortest: Math.min(...lengths),
    longest: Math.max(0, ...lengths),
    letters,
  };
}

function spellAs(placedAs: Placement['kind'], secret: Secret): readonly string[] {
  if (placedAs === 'sigv4') return spellKeys(secret);
  // Its key is not sent, and a proof is good for the one request the agent has just made.
  const placed = placedAs === 'dpop' ? boundTokenOf(secret)?.token : secret;
  return placed === undefined ? [] : spell(placed.reveal());
}

/**
 * The upstream is sent the session token and never the secret key; both are looked for. A signature is good for the one
 * request the agent has just made, and for nothing without the session token.
 */
function spellKeys(secret: Secret): readonly string[] {
  const keys = awsKeysOf(secret);
  const parts = keys === undefined ? [] : [keys.sessionToken ?? '', keys.secretAccessKey];
  return parts.flatMap((part) => (part.length < minGuardedLength ? [] : spell(part)));
}

function spell(plain: string): readonly string[] {
  const encoded = encodeURIComponent(plain);
  // A JWT is the same in all spellings, and is searched for once.
  if (encoded === plain) return [plain];
  return [...new Set([plain, encoded, plain.replaceAll('/', String.raw`\/`)])];
}

const binary =
  /^(?:(?:audio|video|font|model)\/|image\/(?!svg)|application\/(?:octet-stream|zip|gzip|x-gzip|x-tar|x-7z-compressed|zstd|pdf|wasm|(?:x-|vnd\.google\.)?protobuf|grpc|vnd\.amazon\.eventstream|(?:x-)?msgpack|cbor|vnd\.apache\.[\w.+-]+)(?![\w-]))/i;

/** Whether bodies of this content type are searched: all but known binary ones, also where the answer does not say. */
export function isTextual(contentType: string | undefined): boolean {
  return contentType === undefined || !binary.test(contentType.trim());
}

const nothing = Buffer.alloc(0);

/** One for each response body; a record, see `Downstream`. */
export interface Guard {
  readonly guarded: Guarded;
  /** The end of what came last, where it may be the beginning of a needle. */
  held: Buffer;
}

/** @param guarded with forms; see {@link guardedBy}. */
export function createGuard(guarded: Guarded): Guard {
  return { guarded, held: nothing };
}

/** @returns what may be passed on of the body so far: the same Buffer where nothing was found or held back. May be empty. */
export function passGuarded(guard: Guard, chunk: Buffer): Buffer {
  const bytes = masked(guard, chunk);
  const keep = heldBack(bytes, guard.guarded);
  guard.held = keep === 0 ? nothing : bytes.subarray(bytes.length - keep);
  return keep === 0 ? bytes : bytes.subarray(0, bytes.length - keep);
}

/** The same for the last chunk: nothing is held back. */
export function finishGuarded(guard: Guard, chunk: Buffer): Buffer {
  const bytes = masked(guard, chunk);
  guard.held = nothing;
  return bytes;
}

function masked({ held, guarded }: Guard, chunk: Buffer): Buffer {
  return maskAll(held.length === 0 ? chunk : Buffer.concat([held, chunk]), guarded);
}

/** Masks in a copy: the chunk belongs to the parser. Returns the chunk itself when there is nothing to mask. */
function maskAll(bytes: Buffer, { needles, mask, shortest }: Guarded): Buffer {
  if (bytes.length < shortest) return bytes;
  let masked = bytes;
  for (const needle of needles) {
    if (bytes.length < needle.length) continue;
    let at = masked.indexOf(needle);
    while (at !== -1) {
      if (masked === bytes) masked = Buffer.from(bytes);
      masked.fill(mask, at, at + needle.length);
      at = masked.indexOf(needle, at + needle.length);
    }
  }
  return masked;
}

/**
 * Length of the longest end of `bytes` that is the beginning of a needle. Such an end holds only letters of needles, so it is
 * looked for no further back than these reach: an event ends with a line feed, which no token has, and is done with one look.
 * Looking at every place for the first letter took 5 us of each event, a third of all that the gate did for one.
 */
function heldBack(bytes: Buffer, { needles, letters, longest }: Guarded): number {
  const least = Math.max(0, bytes.length - longest + 1);
  let from = bytes.length;
  while (from > least && letters[bytes[from - 1] ?? 0] === 1) from -= 1;
  for (; from < bytes.length; from += 1) {
    const length = bytes.length - from;
    for (const needle of needles) {
      if (length >= needle.length || bytes[from] !== needle[0]) continue;
      if (length > 1 && bytes[from + 1] !== needle[1]) continue;
      if (bytes.compare(needle, 0, length, from) === 0) return length;
    }
  }
  return 0;
}

/** `*`, unless the credential itself has one: a masked place must not complete another occurrence. */
function maskFor(forms: readonly string[]): string {
  return ['*', '#', '.', '~', '+', ' '].find((candidate) => !forms.some((form) => form.includes(candidate))) ?? '\0';
}
