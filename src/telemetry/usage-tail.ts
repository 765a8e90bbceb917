// Keeps the end of a stream of events as it passes by, and shows its beginning once: id and model stand in the first events, counts
// and reasons in the last. Two KiB hold both of a chat; only a stream of larger events takes more.
// An 8 KiB head and a 32 KiB ring, which answers of one document have (usage-window.ts), were more than all else that an open
// stream took, and cost 4,000 streams 150 MiB.
// Must never grow beyond 32 KiB, whatever the upstream sends and in whatever pieces.

/** Taken when a stream begins. */
export const firstRoom = 2_048;

/** At most taken, for events so large that `enough` of them need it. */
export const mostRoom = 32_768;

/** Events that are always kept where the room allows: what follows the counts, and what stands between reason and counts. */
const enough = 3;

export interface EventTail {
  passed(chunk: Buffer): void;
  /** The last bytes: all there were where the beginning was never shown. */
  read(): { readonly bytes: Buffer; readonly whole: boolean };
}

/**
 * @param mark what every event has once
 * @param begun is shown the beginning of a stream that does not fit as a whole, before any of it is dropped; must not keep it
 */
export function createEventTail(mark: Buffer, begun: (start: Buffer) => void): EventTail {
  let room = Buffer.allocUnsafeSlow(firstRoom);
  let length = 0;
  let whole = true;

  /** Whether events enough stand in what is kept from `from` on. */
  function holds(from: number): boolean {
    let next = from;
    for (let found = 0; found < enough; found += 1) {
      const at = room.indexOf(mark, next);
      next = at + mark.length;
      if (at === -1 || next > length) return false;
    }
    return true;
  }

  function grow(): void {
    const larger = Buffer.allocUnsafeSlow(room.length * 2);
    larger.set(room.subarray(0, length));
    room = larger;
  }

  /** Half is dropped at a time: a byte is moved once on average, and there is no seam to mind when reading. */
  function makeRoom(needed: number): void {
    while (length + needed > room.length) {
      const from = Math.max(length >> 1, length + needed - room.length);
      if (room.length < mostRoom && !holds(from)) grow();
      else {
        if (whole) begun(room.subarray(0, length));
        whole = false;
        room.copyWithin(0, from, length);
        length -= from;
      }
    }
  }

  function keep(piece: Buffer): void {
    if (length + piece.length > room.length) makeRoom(piece.length);
    room.set(piece, length);
    length += piece.length;
  }

  return {
    passed(chunk) {
      if (chunk.length <= mostRoom / 2) keep(chunk);
      else for (let at = 0; at < chunk.length; at += mostRoom / 2) keep(chunk.subarray(at, at + mostRoom / 2));
    },
    read: () => ({ bytes: room.subarray(0, length), whole }),
  };
}
