// Frames of application/vnd.amazon.eventstream, as the AWS and Anthropic SDKs decode them: lengths, CRC-32 of the prelude,
// string headers, payload, CRC-32 of all.

import { crc32 } from 'node:zlib';

export function eventFrame(event: string, payload: object): Buffer {
  const headers = Buffer.concat(
    Object.entries({ ':event-type': event, ':content-type': 'application/json', ':message-type': 'event' }).map(
      ([name, value]) => {
        const head = Buffer.from([name.length, ...Buffer.from(name), 7]);
        const length = Buffer.alloc(2);
        length.writeUInt16BE(value.length);
        return Buffer.concat([head, length, Buffer.from(value)]);
      },
    ),
  );
  const body = Buffer.from(JSON.stringify(payload));
  const prelude = Buffer.alloc(8);
  prelude.writeUInt32BE(12 + headers.length + body.length + 4, 0);
  prelude.writeUInt32BE(headers.length, 4);
  const checked = Buffer.concat([prelude, sum(prelude), headers, body]);
  return Buffer.concat([checked, sum(checked)]);
}

function sum(bytes: Buffer): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(crc32(bytes));
  return out;
}
