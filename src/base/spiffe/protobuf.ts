// The little of Protocol Buffers that the Workload API needs: length-delimited fields are read and written, all others are
// skipped (protobuf.dev, "Encoding"). Written by hand on purpose: docs/adr/0013-workload-api-by-hand.md.
// Must never read past its input, loop without consuming, or throw anything but its own error, whatever the bytes.

/** Most fields in one message; stops a message of a million empty ones from becoming a million objects. */
const maxFields = 4_096;

/** Largest field number there is. */
const maxFieldNumber = 0x1fff_ffff;

export class ProtobufError extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'ProtobufError';
  }
}

export interface Field {
  readonly number: number;
  readonly bytes: Buffer;
}

const wireType = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const;

/**
 * The length-delimited fields of one message, in order; their bytes are views of the input.
 * @throws ProtobufError for anything that is no message, groups included (deprecated, and not of this API)
 */
export function readFields(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  let count = 0;

  function varint(): number {
    let value = 0;
    // Ten bytes hold 64 bits; five hold every number that can be right here, and stay exact as JavaScript numbers.
    for (let index = 0; index < 10; index += 1) {
      const byte = message[at];
      if (byte === undefined) throw new ProtobufError('ends in the middle of a number');
      at += 1;
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) return value;
    }
    throw new ProtobufError('has a number of more than ten bytes');
  }

  function take(length: number): Buffer {
    if (length > message.length - at) throw new ProtobufError('ends in the middle of a field');
    at += length;
    return message.subarray(at - length, at);
  }

  while (at < message.length) {
    count += 1;
    if (count > maxFields) throw new ProtobufError(`has more than ${maxFields} fields`);
    const tag = varint();
    const number = Math.floor(tag / 8);
    if (number < 1 || number > maxFieldNumber) throw new ProtobufError('has a field without a number');
    switch (tag % 8) {
      case wireType.varint:
        varint();
        break;
      case wireType.fixed64:
        take(8);
        break;
      case wireType.fixed32:
        take(4);
        break;
      case wireType.delimited:
        fields.push({ number, bytes: take(varint()) });
        break;
      default:
        throw new ProtobufError('has a field of a type that is not understood');
    }
  }
  return fields;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** proto3: a string is UTF-8. @throws ProtobufError */
export function readText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new ProtobufError('has a text that is not UTF-8');
  }
}

/** A message of text fields, in order. */
export function writeTexts(fields: readonly (readonly [number: number, text: string])[]): Buffer {
  const parts: Buffer[] = [];
  for (const [number, text] of fields) {
    const bytes = Buffer.from(text, 'utf8');
    parts.push(writeVarint(number * 8 + wireType.delimited), writeVarint(bytes.length), bytes);
  }
  return Buffer.concat(parts);
}

function writeVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}
