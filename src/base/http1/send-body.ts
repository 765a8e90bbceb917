// Sends a streamed body as it comes, no faster than the other side reads: in chunks, or as many bytes as were said.
// Must never let a body end that is shorter or longer than its length: what follows would be read as a request of its own.

import type { Socket } from 'node:net';
import type { StreamedBody } from './exchange.ts';
import { Http1Fault } from './fault.ts';

export interface SentBody {
  /** The exchange is over: nothing more is written. */
  stop(): void;
}

export interface BodyProgress {
  /** Another piece was written. */
  readonly moved: () => void;
  /** All of it was. */
  readonly sent: () => void;
  readonly failed: (error: unknown) => void;
}

/** To be called when a body is handed over, which may be long before it is sent: its error would be an uncaught exception until then. */
export function keepSource({ stream }: StreamedBody): void {
  stream.on('error', () => {});
}

/** @throws what the source failed with while its request waited for a connection */
export function checkSource({ stream }: StreamedBody): void {
  if (stream.destroyed && !stream.readableEnded) throw stream.errored ?? new Http1Fault('REQUEST_LENGTH_WRONG');
}

export function sendBody(socket: Socket, { stream, length }: StreamedBody, progress: BodyProgress): SentBody {
  let written = 0;
  let over = false;

  function stop(): void {
    over = true;
    stream.off('data', onData).off('end', onEnd).off('close', onClose);
    socket.off('drain', onDrain);
  }
  function failed(error: unknown): void {
    if (over) return;
    stop();
    progress.failed(error);
  }
  function onData(piece: Buffer): void {
    if (piece.length === 0) return;
    written += piece.length;
    if (length !== undefined && written > length) {
      failed(new Http1Fault('REQUEST_LENGTH_WRONG'));
      return;
    }
    progress.moved();
    if (!put(piece)) stream.pause();
  }
  /** @returns whether more may follow at once */
  function put(piece: Buffer): boolean {
    if (length !== undefined) return socket.write(piece);
    socket.cork();
    socket.write(`${piece.length.toString(16)}\r\n`, 'latin1');
    socket.write(piece);
    const more = socket.write('\r\n', 'latin1');
    socket.uncork();
    return more;
  }
  function onDrain(): void {
    progress.moved();
    stream.resume();
  }
  function onEnd(): void {
    if (length !== undefined && written < length) {
      failed(new Http1Fault('REQUEST_LENGTH_WRONG'));
      return;
    }
    stop();
    if (length === undefined) socket.write('0\r\n\r\n', 'latin1');
    progress.sent();
  }
  function onClose(): void {
    failed(stream.errored ?? new Http1Fault('REQUEST_LENGTH_WRONG'));
  }

  stream.on('data', onData).on('end', onEnd).on('close', onClose);
  socket.on('drain', onDrain);
  return { stop };
}
