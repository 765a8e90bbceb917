// Keeps the end of a stream of events as it passes by, and shows its beginning once: id and model stand in the first events, counts
// and reasons in the last. One and a half KiB hold both of a chat; only a stream of larger events takes more.
// An 8 KiB head and a 32 KiB ring, which answers of one document have (usage-window.ts), were more than all else that an open
// stream took, and cost 4,000 streams 150 MiB.
// Must never grow beyond 32 KiB, whatever the upstream sends and in whatever pieces.

/** Taken when a stream begins: seven events of a chat, so that what is dropped is looked for once in four events. */
export const firstRoom = 1_536;

/** At most taken, for events so large that `enough` of them need it. */
export const mostRoom = 32_768;

/** Events that are always kept where the room allows: what follows the counts, and what stands between reason and counts. */
const enough = 3;

/** A record and functions over it: closures took as much of every open stream as they helped to keep of it. */
export interface EventTail {
  /** What every event has once. */
  readonly mark: Buffer;
  /** Is shown the beginning of a stream that does not fit as a whole, before any of it is dropped; must not keep it. */
  begun(start: Buffer): void;
  room: Buffer;
  length: number;
  /** Nothing was dropped so far: the beginning was never shown. */
  whole: boolean;
}

export function takeRoom(): Buffer {
  return Buffer.allocUnsafeSlow(firstRoom);
}

export function keep(tail: EventTail, chunk: Buffer): void {
  if (chunk.length <= mostRoom / 2) keepPiece(tail, chunk);
  else for (let at = 0; at < chunk.length; at += mostRoom / 2) keepPiece(tail, chunk.subarray(at, at + mostRoom / 2));
}

/** The last bytes: all there were where nothing was dropped. */
export function kept({ room, length }: EventTail): Buffer {
  return room.subarray(0, length);
}

function keepPiece(tail: EventTail, piece: Buffer): void {
  if (tail.length + piece.length > tail.room.length) makeRoom(tail, piece.length);
  tail.room.set(piece, tail.length);
  tail.length += piece.length;
}

/** Drops all that stands before the last events. */
function makeRoom(tail: EventTail, needed: number): void {
  while (tail.length + needed > tail.room.length) {
    const { room, length } = tail;
    const least = length + needed - room.length;
    const spare = spareOf(tail);
    if (spare < least && room.length < mostRoom) grow(tail);
    // Of events that are too large half is dropped at a time: a byte is moved once on average.
    else drop(tail, spare < least ? Math.max(length >> 1, least) : spare);
  }
}

function drop(tail: EventTail, from: number): void {
  if (tail.whole) tail.begun(kept(tail));
  tail.whole = false;
  tail.room.copyWithin(0, from, tail.length);
  tail.length -= from;
}

/** Bytes before the last events, as many as are always kept. */
function spareOf({ room, length, mark }: EventTail): number {
  let at = length - mark.length + 1;
  for (let found = 0; found < enough; found += 1) {
    if (at <= 0) return 0;
    at = room.lastIndexOf(mark, at - 1);
  }
  return Math.max(0, at);
}

function grow(tail: EventTail): void {
  const larger = Buffer.allocUnsafeSlow(Math.min(mostRoom, tail.room.length * 2));
  larger.set(kept(tail));
  tail.room = larger;
}
