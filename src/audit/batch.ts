// Lines that wait for one write, as bytes in one piece of memory. Joining them as text first, and encoding the whole, copied
// every line three times through memory that was taken anew for each write (3 of the 8 us of a record).

/** Memory of a batch to begin with, in bytes; twice as much is taken when it is full. */
const firstBytes = 65_536;

/** A batch that grew beyond this is not kept for the next. */
const maxKeptBytes = 1_048_576;

export interface Batch {
  readonly length: number;
  /** @param line without its line end */
  add(line: string): void;
  /** Empties the batch. The bytes stay as they are until the batch taken after them is taken. */
  take(): Buffer;
  /** A copy. */
  copy(): Buffer;
}

const lineEnd = 0x0a;

export function createBatch(): Batch {
  let bytes = Buffer.allocUnsafeSlow(firstBytes);
  let spare = Buffer.allocUnsafeSlow(firstBytes);
  let length = 0;

  return {
    get length() {
      return length;
    },
    add(line) {
      const needed = length + line.length * 3 + 1; // UTF-8 of a UTF-16 unit
      if (needed > bytes.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(needed, bytes.length * 2));
        bytes.copy(larger, 0, 0, length);
        bytes = larger;
      }
      length += bytes.write(line, length, 'utf8');
      bytes[length++] = lineEnd;
    },
    take() {
      const taken = bytes.subarray(0, length);
      [bytes, spare] = [spare, bytes.length > maxKeptBytes ? Buffer.allocUnsafeSlow(firstBytes) : bytes];
      length = 0;
      return taken;
    },
    copy: () => Buffer.from(bytes.subarray(0, length)),
  };
}
