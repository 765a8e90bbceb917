// Keeps the beginning and the end of a response as it passes by: enough to find token counts, never the whole of it.
// Costs one copy into a fixed buffer for each chunk; nothing is parsed, delayed or held while the response streams.
// Must never grow: 8 KiB of head and 32 KiB of tail, whatever the upstream sends and in whatever pieces.

/** The head has the response id and model, and all of a short answer. */
export const headBytes = 8_192;

/** The tail has usage and finish reasons, which every API sends last. */
export const tailBytes = 32_768;

export interface UsageWindow {
  passed(chunk: Buffer): void;
  /** What was kept, in order. */
  read(): { readonly head: Buffer; readonly tail: Buffer; readonly whole: boolean };
  /** Gives the memory back; nothing that was read may be looked at any more. */
  close(): void;
}

/** Heads given back, to be used again: taking 8 KiB anew for each response cost 2 us. Their number is that of a busy moment. */
const spareHeads: Buffer[] = [];
const maxSpareHeads = 64;

export function createUsageWindow(): UsageWindow {
  let head: Buffer | undefined;
  let headLength = 0;
  let ring: Buffer | undefined;
  /** Bytes ever written to the ring; its end stands at `written % tailBytes`. */
  let written = 0;

  function keepTail(bytes: Buffer): void {
    ring ??= Buffer.allocUnsafeSlow(tailBytes);
    const last = bytes.length > tailBytes ? bytes.subarray(bytes.length - tailBytes) : bytes;
    written += bytes.length - last.length;
    const at = written % tailBytes;
    const fits = Math.min(last.length, tailBytes - at);
    last.copy(ring, at, 0, fits);
    last.copy(ring, 0, fits);
    written += last.length;
  }

  function readTail(): Buffer {
    if (ring === undefined) return Buffer.alloc(0);
    if (written <= tailBytes) return ring.subarray(0, written);
    const at = written % tailBytes;
    return Buffer.concat([ring.subarray(at), ring.subarray(0, at)]);
  }

  return {
    passed(chunk) {
      head ??= spareHeads.pop() ?? Buffer.allocUnsafeSlow(headBytes);
      const free = headBytes - headLength;
      if (free > 0) headLength += chunk.copy(head, headLength, 0, free);
      if (chunk.length > free) keepTail(chunk.subarray(free));
    },
    read: () => ({
      head: head?.subarray(0, headLength) ?? Buffer.alloc(0),
      tail: readTail(),
      whole: written <= tailBytes,
    }),
    close() {
      if (head !== undefined && spareHeads.length < maxSpareHeads) spareHeads.push(head);
      head = undefined;
      ring = undefined;
    },
  };
}
