// What can wait until the events of this turn of the event loop have been taken: to begin the calls that came, and to send what they
// led to. Done one after the other, each finds its code and the kernel's warm, and whoever receives awake (ADR 18).
// Where a turn has one event, as with little to do, nothing waits for another. Must never hold back a stream: only what is whole.

export interface Later {
  /** Is called once for each time it was asked for; should find nothing to do when it was too often. */
  turnEnded(): void;
}

/**
 * At so many it is not waited for the rest of the turn. In an overload a turn may have a thousand events, and the first call would wait
 * for all of them; of what is gained nothing more comes after a few.
 */
const enough = 32;

let due: Later[] = [];

export function atTurnEnd(later: Later): void {
  due.push(later);
  if (due.length === 1) setImmediate(flush);
  else if (due.length >= enough) flush();
}

function flush(): void {
  const now = due;
  due = [];
  let at = 0;
  try {
    for (const later of now) {
      at += 1;
      later.turnEnded();
    }
  } finally {
    // One that throws is a fault and is told as one; the others are not to go without because of it.
    for (const later of now.slice(at)) atTurnEnd(later);
  }
}
