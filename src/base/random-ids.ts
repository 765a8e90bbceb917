// Random ids: UUIDs of version 4 and 7 (RFC 9562), and hexadecimal ones. From the system's random source: Math.random's next
// values can be computed from a few that were seen.
// Must never hand out a byte twice.

import { randomFillSync } from 'node:crypto';

/** Drawn at once: a few hundred ids for the price of one system call. */
const drawnBytes = 4_096;

const drawn = Buffer.alloc(drawnBytes);
let used = drawnBytes;

/**
 * Bytes made hexadecimal text at once, of which ids are slices: 12 ns each, 100 when each is made by itself. As long as one id is
 * kept its whole text is, so it is short.
 */
const hexBytes = 128;

let hex = '';
let hexAt = 0;

/** A UUID as it is put together, in ASCII: one piece of text comes of it, not twenty joined ones. */
const text = Buffer.from('00000000-0000-0000-0000-000000000000', 'latin1');
const digits = Buffer.from('0123456789abcdef', 'latin1');

/** Where the sixteen bytes of a UUID stand in its text. */
const places = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/** Bytes of a UUID of version 7 that tell the time. */
const timeBytes = 6;

/** UUID of version 4: random but for version and variant. */
export function randomUuid(): string {
  const from = draw(16);
  for (let byte = 0; byte < 16; byte += 1) put(byte, drawn[from + byte] ?? 0);
  return finish(4, from);
}

/**
 * UUID of version 7: sorts by time, random in the rest.
 * @param ms milliseconds since the epoch
 */
export function timeUuid(ms: number): string {
  const from = draw(16);
  let rest = Math.max(0, Math.trunc(ms));
  for (let byte = timeBytes - 1; byte >= 0; byte -= 1) {
    put(byte, rest % 256);
    rest = Math.trunc(rest / 256);
  }
  for (let byte = timeBytes; byte < 16; byte += 1) put(byte, drawn[from + byte] ?? 0);
  return finish(7, from);
}

/** @param bytes at most 128 */
export function randomHex(bytes: number): string {
  if (hexAt + 2 * bytes > hex.length) {
    const from = draw(hexBytes);
    hex = drawn.toString('hex', from, from + hexBytes);
    hexAt = 0;
  }
  hexAt += 2 * bytes;
  return hex.slice(hexAt - 2 * bytes, hexAt);
}

/** @returns where so many bytes stand that nobody else gets */
function draw(bytes: number): number {
  if (used + bytes > drawnBytes) {
    randomFillSync(drawn);
    used = 0;
  }
  used += bytes;
  return used - bytes;
}

function put(byte: number, value: number): void {
  const at = places[byte] ?? 0;
  text[at] = digits[value >> 4] ?? 0;
  text[at + 1] = digits[value & 15] ?? 0;
}

/** Version and variant stand in front of the random bits of their bytes (RFC 9562 sections 4.1 and 4.2). */
function finish(version: number, from: number): string {
  put(6, (version << 4) | ((drawn[from + 6] ?? 0) & 0x0f));
  put(8, 0x80 | ((drawn[from + 8] ?? 0) & 0x3f));
  return text.toString('latin1');
}
