// The list on disk: read whole and bounded, appended to line by line.
// Must never write over what others wrote: lines are only added, each in one write.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { maxLine, type WrittenLine } from './entry.ts';

/** Largest list, in bytes; stops a wrong path (a log, a device) from filling memory. A hundred thousand entries fit. */
export const maxListBytes = 67_108_864;

/** For a new list: nobody but its owner and group learns who was revoked. */
const mode = 0o640;

/** Without O_NONBLOCK a pipe is waited for until somebody writes to it, each time in another thread of the few there are. */
const { O_RDONLY, O_RDWR, O_APPEND, O_CREAT, O_NONBLOCK } = constants;

async function openFile(path: string, flags: number): Promise<FileHandle> {
  const file = await open(path, flags | O_NONBLOCK, mode);
  const state = await file.stat();
  // A folder is told as such when it is read (EISDIR).
  if (state.isFile() || state.isDirectory()) return file;
  await file.close();
  throw Object.assign(new Error('the list is no file'), { code: 'ENOTFILE', syscall: 'open', path });
}

/** Rejects with an error whose `code` is ENOENT, EACCES ..., ENOTFILE for a pipe or device, or EFBIG. */
export async function readList(path: string): Promise<string> {
  const file = await openFile(path, O_RDONLY);
  try {
    return await readAtMost(file, maxListBytes);
  } finally {
    await file.close();
  }
}

async function readAtMost(file: FileHandle, maxBytes: number): Promise<string> {
  const { size } = await file.stat();
  if (size > maxBytes) throw tooLarge();
  const parts: Buffer[] = [];
  // A little more than there was: the file may grow while it is read.
  let room = Math.min(size + 65_536, maxBytes + 1);
  while (room > 0) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(room, 1_048_576)));
    if (bytesRead === 0) return Buffer.concat(parts).toString('utf8');
    parts.push(buffer.subarray(0, bytesRead));
    room -= bytesRead;
  }
  throw tooLarge();
}

/** What the file is now, to tell cheaply whether it is worth reading again; undefined where it is not there. */
export async function fileState(path: string): Promise<string | undefined> {
  try {
    const file = await openFile(path, O_RDONLY);
    try {
      const { ino, size, mtimeNs } = await file.stat({ bigint: true });
      return `${ino}:${size}:${mtimeNs}`;
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/**
 * Adds one line and has it on disk; makes the file where there is none. Others may append at the same time.
 * @throws RangeError when the line or the list would be too long, file errors as Node gives them
 */
export async function appendLine(path: string, line: WrittenLine): Promise<void> {
  const text = JSON.stringify(line);
  if (text.length > maxLine) throw new RangeError(`the line would be longer than ${maxLine} characters`);
  const file = await openFile(path, O_RDWR | O_APPEND | O_CREAT);
  try {
    const { size } = await file.stat();
    if (size + 2 * text.length > maxListBytes) throw new RangeError('the list is full: take out what has ended');
    const bytes = Buffer.from(`${await missingBreak(file, size)}${text}\n`);
    const { bytesWritten } = await file.write(bytes);
    if (bytesWritten < bytes.length) throw new RangeError('the line was not written whole: is the disk full?');
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A last line without its line break would become one with ours, and both be lost. */
async function missingBreak(file: FileHandle, size: number): Promise<string> {
  if (size === 0) return '';
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer.toString('latin1') === '\n' ? '' : '\n';
}

function tooLarge(): Error {
  return Object.assign(new Error('the list is too large'), { code: 'EFBIG' });
}
