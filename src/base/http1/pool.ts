// The connections to one origin: as many as are allowed, the last one used taken first, calls beyond them in line. The requests of
// one turn of the event loop leave together at its end (turn-end.ts).
// Must never use a connection for two exchanges at a time, nor keep one that the other side may be closing.

import type { Socket } from 'node:net';
import { atTurnEnd, type Later } from '../turn-end.ts';
import { begin, type Connection, newConnection, received } from './connection.ts';
import { createDial, type DialOptions } from './dial.ts';
import type { Pool, Receiver, UpstreamRequest } from './exchange.ts';
import { Http1Fault } from './fault.ts';
import { keepSource } from './send-body.ts';

/** How long a connection may be idle, in seconds, where the other side does not say: less than most servers wait (Node: 5). */
const idleSeconds = 4;

/** Of what the other side says, so much is left: it counts from when it sent, and a request takes a moment to arrive. */
const marginSeconds = 2;

const maxIdleSeconds = 600;

/**
 * Largest body that waits for the end of the turn, in bytes. A large one was just read, and leaves at once while the processor's caches
 * still hold it: with those of thirty calls in between it would be fetched from memory again.
 */
const largestPutOff = 16_384;

export interface UpstreamPoolOptions extends DialOptions {
  readonly maxConnections: number;
}

interface Waiting {
  readonly request: UpstreamRequest;
  readonly receiver: Receiver;
}

export function createHttp1Pool(options: UpstreamPoolOptions): Pool {
  const { maxConnections } = options;
  const { host } = new URL(options.origin);
  const dial = createDial(options);
  const open = new Set<Connection>();
  const dialling = new Set<Socket>();
  /** The last one used is at the end: the others grow old and are closed. */
  const idle: Connection[] = [];
  const line: Waiting[] = [];
  let clock: NodeJS.Timeout | undefined;
  let closed = false;
  const ended = Promise.withResolvers<void>();

  const keeper = {
    idle(connection: Connection): void {
      if (connection.socket.destroyed) return;
      if (line.length === 0 && (closed || keptFor(connection) <= 0)) {
        connection.socket.destroy();
        return;
      }
      connection.idleTurns = 0;
      idle.push(connection);
      clock ??= setInterval(endIdle, 1_000).unref();
      if (line.length > 0) atTurnEnd(sending);
    },
    closed(connection: Connection): void {
      open.delete(connection);
      const at = idle.indexOf(connection);
      if (at !== -1) idle.splice(at, 1);
      dialForLine();
      endWhenEmpty();
    },
  };

  const sending: Later = { turnEnded: sendLine };

  /** As many as there are connections for; each of the others waits for one, or has one made. */
  function sendLine(): void {
    while (line.length > 0) {
      const connection = takeIdle();
      if (connection === undefined) break;
      const next = line.shift();
      if (next !== undefined) begin(connection, next.request, next.receiver);
    }
    dialForLine();
    endWhenEmpty();
  }

  /** The last one used of which is known that it may be: one that was given up is listed until its socket has closed. */
  function takeIdle(): Connection | undefined {
    const at = idle.findLastIndex(({ socket }) => !socket.destroyed && socket.writableLength === 0);
    return at === -1 ? undefined : idle.splice(at, 1)[0];
  }

  function endIdle(): void {
    for (const connection of idle.slice()) {
      connection.idleTurns += 1;
      if (connection.idleTurns >= keptFor(connection)) connection.socket.destroy();
    }
    if (open.size > 0) return;
    clearInterval(clock);
    clock = undefined;
  }

  /** One connection more where calls wait and none is on its way for them. */
  function dialForLine(): void {
    while (dialling.size < line.length && open.size + dialling.size < maxConnections) dialOne();
  }

  function dialOne(): void {
    let connection: Connection | undefined;
    const socket = dial({
      read: (bytes) => {
        if (connection !== undefined) received(connection, bytes);
        else socket.destroy();
      },
      done: (error, connected) => {
        dialling.delete(connected);
        if (error !== undefined) {
          // One failure, one call: those behind it have their own connection on its way, or get one now.
          line.shift()?.receiver.onError(error);
          dialForLine();
          endWhenEmpty();
          return;
        }
        connection = newConnection(connected, host, keeper);
        open.add(connection);
        keeper.idle(connection);
      },
    });
    dialling.add(socket);
  }

  function endWhenEmpty(): void {
    if (!closed || line.length > 0) return;
    for (const connection of idle.splice(0)) connection.socket.destroy();
    if (open.size > 0 || dialling.size > 0) return;
    clearInterval(clock);
    ended.resolve();
  }

  function close(): Promise<void> {
    closed = true;
    endWhenEmpty();
    return ended.promise;
  }

  return {
    send(request, receiver) {
      if (closed) {
        receiver.onError(new Http1Fault('POOL_CLOSED'));
        return;
      }
      if (request.body !== undefined && 'stream' in request.body) keepSource(request.body);
      line.push({ request, receiver });
      if (isSmall(request)) atTurnEnd(sending);
      else sendLine();
    },
    close,
    destroy() {
      const done = close();
      const why = new Http1Fault('POOL_CLOSED');
      for (const { receiver } of line.splice(0)) receiver.onError(why);
      for (const socket of dialling) socket.destroy(why);
      for (const connection of open) {
        if (connection.receiver !== undefined) connection.abort(connection.receiver, why);
        else connection.socket.destroy();
      }
      endWhenEmpty();
      return done;
    },
  };
}

function isSmall({ body }: UpstreamRequest): boolean {
  return body === undefined || (!('stream' in body) && body.length <= largestPutOff);
}

function keptFor({ answer: { keepsFor } }: Connection): number {
  return keepsFor === undefined ? idleSeconds : Math.min(keepsFor - marginSeconds, maxIdleSeconds);
}
