// Attributes as OTLP writes them (opentelemetry.proto.common.v1.KeyValue): text, numbers, truth values, lists of text.
// Keeps the SDK's limit on the length of a value. Undefined values are left out.

import { createWriter, type ProtoWriter, varintLength } from './otlp-writer.ts';

export type AttributeValue = string | number | boolean | readonly string[] | undefined;

/** Attributes written before, as bytes of the field they are of: what many spans share is encoded once. */
export interface AttributeBlock {
  readonly bytes: Buffer;
}

export interface AttributeWriter {
  set(name: string, value: AttributeValue): void;
  /**
   * The same for values that come again and again: what was encoded once is copied.
   * @param spell what is written of a text, or of each in a list; as it is told it is only compared
   */
  few(name: string, value: FewValue, spell?: (text: string) => string): void;
  /**
   * Several at once that come again together, encoded once for each combination that comes of `of`: of values from
   * configuration and closed lists, or combinations would not come again.
   * @param names one list for all calls: what is remembered is found by it
   */
  alike<Names extends readonly string[]>(of: object, names: Names, values: AlikeValues<Names>): void;
  /** Attributes that follow from `of` alone, encoded once for it. @param part which of them, when there are several */
  shared<T extends object>(part: string, of: T, write: (to: AttributeWriter, of: T) => void): void;
  block(block: AttributeBlock): void;
  /** The same of bytes kept as text: it is one piece of memory where a Buffer is three. */
  latin1(bytes: string): void;
}

export type AlikeValue = string | number | boolean | undefined;

/** One value for each name, in order. */
export type AlikeValues<Names extends readonly string[]> = readonly AlikeValue[] & { readonly length: Names['length'] };

export type FewValue = AlikeValue | readonly string[];

/** Anything that tells attributes to a writer. */
export type WriteAttributes = (attributes: AttributeWriter) => void;

/** Names come from this program's text and are few. */
const names = new Map<string, Buffer>();
const keys = createWriter();

/** The encoded `key` field of a KeyValue. */
function keyOf(name: string): Buffer {
  const known = names.get(name);
  if (known !== undefined) return known;
  const length = Buffer.byteLength(name);
  keys.begin();
  keys.ensure(length + 12);
  keys.byte(0x0a);
  keys.varint(length);
  keys.text(name, length);
  const key = Buffer.from(keys.end());
  names.set(name, key);
  return key;
}

/**
 * @param tag of the field attributes are in, of its message: `field << 3 | 2`
 * @param valueLength longest text, in characters
 */
export function attributesInto(writer: ProtoWriter, tag: number, valueLength: number): AttributeWriter {
  /** Begins a KeyValue; what follows is its AnyValue of `length` bytes. */
  function pair(name: string, length: number): void {
    const key = keyOf(name);
    const whole = key.length + 1 + varintLength(length) + length;
    writer.ensure(whole + 12);
    writer.byte(tag);
    writer.varint(whole);
    writer.raw(key);
    writer.byte(0x12);
    writer.varint(length);
  }

  function text(name: string, value: string): void {
    const short = value.length > valueLength ? value.slice(0, valueLength) : value;
    const { length } = short;
    const begun = writer.at;
    pair(name, 1 + varintLength(length) + length);
    writer.byte(0x0a);
    writer.varint(length);
    if (writer.ascii(short)) return;
    writer.rewind(begun);
    const bytes = Buffer.byteLength(short);
    pair(name, 1 + varintLength(bytes) + bytes);
    writer.byte(0x0a);
    writer.varint(bytes);
    writer.text(short, bytes);
  }

  function number(name: string, value: number): void {
    if (Number.isSafeInteger(value) && value >= 0) {
      pair(name, 1 + varintLength(value));
      writer.byte(0x18);
      writer.varint(value);
      return;
    }
    pair(name, 9);
    writer.byte(0x21);
    writer.double(value);
  }

  function list(name: string, values: readonly string[]): void {
    const short = values.map((value) => (value.length > valueLength ? value.slice(0, valueLength) : value));
    const lengths = short.map((value) => Buffer.byteLength(value));
    /** Each an ArrayValue's `values`: an AnyValue with its text. */
    const items = lengths.map((bytes) => 1 + varintLength(bytes) + bytes);
    const array = items.reduce((sum, item) => sum + 1 + varintLength(item) + item, 0);
    pair(name, 1 + varintLength(array) + array);
    writer.byte(0x2a);
    writer.varint(array);
    for (const [index, value] of short.entries()) {
      const bytes = lengths[index] ?? 0;
      writer.byte(0x0a);
      writer.varint(items[index] ?? 0);
      writer.byte(0x0a);
      writer.varint(bytes);
      writer.text(value, bytes);
    }
  }

  function set(name: string, value: AttributeValue): void {
    if (typeof value === 'string') text(name, value);
    else if (typeof value === 'number') number(name, value);
    else if (typeof value === 'boolean') {
      pair(name, 2);
      writer.byte(0x10);
      writer.byte(value ? 1 : 0);
    } else if (value !== undefined) list(name, value);
  }

  const attributes: AttributeWriter = {
    set,
    few(name, value, spell) {
      if (spell === undefined || typeof value === 'number' || typeof value === 'boolean') set(name, value);
      else set(name, typeof value === 'object' ? value.map(spell) : value && spell(value));
    },
    alike(_of, names, values) {
      for (const [index, name] of names.entries()) set(name, values[index]);
    },
    shared(_part, of, write) {
      write(attributes, of);
    },
    block({ bytes }) {
      writer.ensure(bytes.length);
      writer.raw(bytes);
    },
    latin1(bytes) {
      writer.ensure(bytes.length);
      writer.latin1(bytes);
    },
  };
  return attributes;
}

/** Encodes attributes by themselves, to be put into spans later. */
export function createBlocks(tag: number, valueLength: number): (write: WriteAttributes) => AttributeBlock {
  const writer = createWriter();
  const attributes = attributesInto(writer, tag, valueLength);
  return (write) => {
    writer.begin();
    write(attributes);
    // A copy: a view would hold the whole block of memory it was written into.
    return { bytes: Buffer.from(writer.end()) };
  };
}

/** A message of attributes only, such as a Resource. */
export function encodeAttributes(values: Readonly<Record<string, unknown>>, tag: number): Buffer {
  return createBlocks(
    tag,
    Number.POSITIVE_INFINITY,
  )((attributes) => {
    for (const [name, value] of Object.entries(values)) attributes.set(name, asValue(value));
  }).bytes;
}

function asValue(value: unknown): AttributeValue {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
}
