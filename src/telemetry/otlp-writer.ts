// Writes protobuf messages into memory that is taken in blocks: what a span costs is writing its bytes, once.
// Spans go straight from a call's facts into OTLP bytes; objects in between cost four times as much (docs/adr/0011).
// Knows the wire format and nothing of what is written: field numbers are otlp-span.ts's.

/** Taken at a time. A span of the largest attributes must fit in what `ensure` adds for it. */
const blockBytes = 131_072;

/** Up to so many characters or bytes are written one by one: a call into the runtime costs more (15 to 40 ns). */
const shortText = 24;
const shortBytes = 24;

/** By the code of a hexadecimal digit, its value. By hand an id costs half of what `write(..., 'hex')` does. */
const digits = new Uint8Array(128);
for (const [value, digit] of [...'0123456789abcdef'].entries()) digits[digit.charCodeAt(0)] = value;

export interface ProtoWriter {
  /** Where the message begun with `begin` has come to. */
  readonly at: number;
  /** Makes room for as many bytes more; what is written of the present message may move. */
  ensure(bytes: number): void;
  byte(value: number): void;
  varint(value: number): void;
  fixed32(value: number): void;
  /** Milliseconds since the epoch, with fraction, as nanoseconds (fixed64). */
  nanoseconds(ms: number): void;
  double(value: number): void;
  /** Text without length. @param bytes its length in UTF-8 */
  text(value: string, bytes: number): void;
  /**
   * Text without length, if it is as many bytes as characters: to measure it first would be to read it twice.
   * @returns false for other text, of which nothing was written
   */
  ascii(value: string): boolean;
  /** Lower-case digits, two a byte. */
  hex(value: string): void;
  raw(value: Uint8Array): void;
  /** The same of bytes that are kept as text, a character each. */
  latin1(value: string): void;
  /** Back to where the message was at; what came after is written over. */
  rewind(to: number): void;
  /** A new message; ends the one before, if any. */
  begin(): void;
  /** A new message where all before it began: their bytes are written over. */
  restart(): void;
  /** The bytes of the message. They stay as they are until the garbage collector takes them, or `restart` does. */
  end(): Buffer;
  /** The memory the message stands in, from its start on; for who copies it at once. */
  readonly block: Buffer;
  readonly start: number;
}

export function createWriter(): ProtoWriter {
  let block = Buffer.allocUnsafeSlow(blockBytes);
  let begun = 0;
  let at = 0;

  function ensure(bytes: number): void {
    if (at + bytes <= block.length) return;
    const written = at - begun;
    const next = Buffer.allocUnsafeSlow(Math.max(blockBytes, written + bytes));
    block.copy(next, 0, begun, at);
    block = next;
    begun = 0;
    at = written;
  }

  function varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      block[at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    block[at++] = rest;
  }

  function fixed32(value: number): void {
    const bits = value >>> 0;
    block[at++] = bits & 0xff;
    block[at++] = (bits >>> 8) & 0xff;
    block[at++] = (bits >>> 16) & 0xff;
    block[at++] = bits >>> 24;
  }

  function ascii(value: string): boolean {
    const { length } = value;
    if (length > shortText) {
      // Of UTF-8 no character but an ASCII one is a single byte.
      ensure(length * 3);
      const written = block.write(value, at, length * 3, 'utf8');
      if (written === length) at += length;
      return written === length;
    }
    ensure(length);
    for (let i = 0; i < length; i += 1) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) return false;
      block[at + i] = code;
    }
    at += length;
    return true;
  }

  return {
    get at() {
      return at - begun;
    },
    ensure,
    byte(value) {
      block[at++] = value;
    },
    varint,
    fixed32,
    nanoseconds(ms) {
      const seconds = Math.trunc(ms / 1_000);
      const nanos = Math.trunc((ms - seconds * 1_000) * 1e6);
      // 64 bits from parts a double holds exactly: seconds split at 2^16. No `%`, which is a call for what is no small integer.
      const upper = Math.floor(seconds / 65_536);
      const high = Math.floor((upper * 1e9) / 65_536);
      const low = (upper * 1e9 - high * 65_536) * 65_536 + (seconds - upper * 65_536) * 1e9 + nanos;
      fixed32(low);
      fixed32(high + Math.floor(low / 0x1_0000_0000));
    },
    double(value) {
      at = block.writeDoubleLE(value, at);
    },
    text(value, bytes) {
      if (bytes === value.length && bytes <= shortText) {
        for (let i = 0; i < bytes; i += 1) block[at++] = value.charCodeAt(i);
      } else at += block.write(value, at, bytes, 'utf8');
    },
    hex(value) {
      for (let i = 0; i < value.length; i += 2) {
        block[at++] = ((digits[value.charCodeAt(i)] ?? 0) << 4) | (digits[value.charCodeAt(i + 1)] ?? 0);
      }
    },
    raw(value) {
      if (value.length <= shortBytes) {
        for (let i = 0; i < value.length; i += 1) block[at++] = value[i] ?? 0;
      } else {
        block.set(value, at);
        at += value.length;
      }
    },
    latin1(value) {
      at += block.write(value, at, value.length, 'latin1');
    },
    ascii,
    rewind(to) {
      at = begun + to;
    },
    begin() {
      begun = at;
    },
    restart() {
      begun = 0;
      at = 0;
    },
    get block() {
      return block;
    },
    get start() {
      return begun;
    },
    end() {
      const bytes = block.subarray(begun, at);
      begun = at;
      return bytes;
    },
  };
}

/** Bytes of a length or an unsigned number as a varint. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length += 1;
  return length;
}
