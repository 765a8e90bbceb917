// Ends a socket that the HTTP server has let go of (upgrades, CONNECT): answers, then closes both directions.
// Must never leave it to the client to close: who never does would hold a descriptor for each refused call.

import type { Duplex } from 'node:stream';

/** How long a client may take to read the answer and close, in milliseconds. */
const lingerMs = 2_000;

export function endDetached(socket: Duplex, answer: string): void {
  // What the client still sends is read and dropped: unread bytes would turn the close into a reset that loses the answer.
  socket.resume();
  socket.end(answer);
  const cut = setTimeout(() => socket.destroy(), lingerMs);
  cut.unref();
  socket.once('end', () => socket.destroy());
  socket.once('close', () => clearTimeout(cut));
}
