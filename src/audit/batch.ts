// Lines that wait for one write, as bytes in one piece of memory. Joining them as text first, and encoding the whole, copied
// every line three times through memory that was taken anew for each write (3 of the 8 us of a record).

/** Memory of a batch to begin with, in bytes; twice as much is taken when it is full. */
const firstBytes = 65_536;

/** A batch that grew beyond this is not kept for the next. */
const maxKeptBytes = 1_048_576;

/** Room for what a line ends with, and for its line end, in bytes. */
const maxEnd = 256;

export interface Batch {
  readonly length: number;
  /**
   * @param text of a line, without its line end
   * @param end given the bytes of `text`, says what the line ends with, in ASCII; where it throws, nothing was added
   */
  add(text: string, end: (bytes: Buffer) => string): void;
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
    add(text, end) {
      const needed = length + text.length * 3 + maxEnd; // UTF-8 of a UTF-16 unit
      if (needed > bytes.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(needed, bytes.length * 2));
        bytes.copy(larger, 0, 0, length);
        bytes = larger;
      }
      const ended = length + bytes.write(text, length, 'utf8');
      const whole = ended + bytes.write(end(bytes.subarray(length, ended)), ended, maxEnd - 1, 'latin1');
      bytes[whole] = lineEnd;
      length = whole + 1;
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
