// Reads a text file of at most so many bytes.
// Must never read more than that, not even from a device or a file that grows while it is read.

import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Rejects with an error whose `code` is ENOENT, EACCES ... or EFBIG for a file larger than `maxBytes`. */
export type ReadFile = (path: string, maxBytes: number) => Promise<string>;

export const readTextFile: ReadFile = async (path, maxBytes) => {
  const file = await open(path, 'r');
  try {
    return await readAtMost(file, path, maxBytes);
  } finally {
    await file.close();
  }
};

/** The same, for what is read while the gate is put together. */
export function readTextFileSync(path: string, maxBytes: number): string {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(maxBytes + 1);
    let length = 0;
    while (length < buffer.length) {
      const bytesRead = readSync(file, buffer, length, buffer.length - length, null);
      if (bytesRead === 0) return buffer.toString('utf8', 0, length);
      length += bytesRead;
    }
  } finally {
    closeSync(file);
  }
  throw tooLarge(path, maxBytes);
}

async function readAtMost(file: FileHandle, path: string, maxBytes: number): Promise<string> {
  const buffer = Buffer.alloc(maxBytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) return buffer.toString('utf8', 0, length);
    length += bytesRead;
  }
  throw tooLarge(path, maxBytes);
}

function tooLarge(path: string, maxBytes: number): Error {
  return Object.assign(new Error(`${path} is larger than ${maxBytes} bytes`), { code: 'EFBIG' });
}
