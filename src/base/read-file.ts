// Reads a text file of at most so many bytes.
// Must never read more than that, not even from a device or a file that grows while it is read.

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

async function readAtMost(file: FileHandle, path: string, maxBytes: number): Promise<string> {
  const buffer = Buffer.alloc(maxBytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) return buffer.toString('utf8', 0, length);
    length += bytesRead;
  }
  throw Object.assign(new Error(`${path} is larger than ${maxBytes} bytes`), { code: 'EFBIG' });
}
