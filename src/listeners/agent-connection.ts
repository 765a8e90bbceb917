// A connection of an agent: takes the requests that come whole, one after the other, and gives the connection to Node's server with
// the first bytes that are anything else (ADR 19). What was given away does not come back.
// Must never keep from Node what Node should judge, nor begin a request before the answer to the one before it has left.

import type { Socket } from 'node:net';
import type { Clock } from '../base/ports.ts';
import type { Peer } from '../call.ts';
import { AgentAnswer, type Answering } from './agent-answer.ts';
import { type Read, readWholeRequest } from './whole-request.ts';

/** Bytes kept of what an agent sends before it has its answer; then it is not read from. */
const maxHeldBytes = 65_536;

/** Pieces kept as they came: each takes a kilobyte besides its bytes, so an agent that sends one byte at a time would fill 50 MB. */
const maxHeldPieces = 64;

/** For how long a request may come in parts, in milliseconds. Then it is Node's, which has an end for those who take their time. */
const patienceMs = 1_000;

/** How much longer than announced an idle connection is kept, in milliseconds: a request may be on its way. Node's own value. */
const keepAliveBufferMs = 1_000;

export interface AgentConnectionsOptions {
  /** Largest request line plus headers, in bytes. */
  readonly maxHeaderBytes: number;
  /** How long an idle connection stays open, in milliseconds. */
  readonly keepAliveMs: number;
  readonly clock: Clock;
  readonly take: (read: Read, peer: Peer, answer: AgentAnswer) => void;
  /** Goes on with a connection, from the bytes that are put back into it. */
  readonly giveToNode: (socket: Socket) => void;
}

export interface AgentConnections {
  accept(socket: Socket): void;
  /** Closes those without a request under way; the others close with their answer. */
  drain(): void;
  /** Cuts what is left. */
  destroy(): void;
}

interface Open {
  readonly socket: Socket;
  closeIfIdle(): void;
}

export function createAgentConnections(options: AgentConnectionsOptions): AgentConnections {
  const { maxHeaderBytes, keepAliveMs, take, giveToNode } = options;
  const open = new Set<Open>();
  const ownLines = createOwnLines(options);
  let draining = false;

  function accept(socket: Socket): void {
    const peer = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0, spiffeId: undefined };
    const idle = setTimeout(closeIfIdle, keepAliveMs + keepAliveBufferMs).unref();
    const answering: Answering = { socket, ownLines: (dated) => ownLines(dated, !draining), answered };
    const connection: Open = { socket, closeIfIdle };
    let answer: AgentAnswer | undefined;
    /** What came before it could be read: a part of a request, or more than one. */
    let held: Buffer[] = [];
    let heldBytes = 0;
    /** So many bytes make the request that is held in part; 0 while that is not known. */
    let awaited = 0;
    let patience: NodeJS.Timeout | undefined;

    open.add(connection);
    socket.on('data', onData).on('drain', onDrain).on('end', onEnd).on('error', onError).on('close', onClose);

    function onData(bytes: Buffer): void {
      if (answer === undefined && heldBytes === 0) {
        begin(bytes);
        return;
      }
      if (held.length >= maxHeldPieces) held = [Buffer.concat(held)];
      held.push(bytes);
      heldBytes += bytes.length;
      if (answer === undefined) {
        if (heldBytes >= awaited) begin(takeHeld());
      } else if (heldBytes > maxHeldBytes) {
        // Pipelined, and a lot of it. As long as it is read from, the agent's leaving is noticed.
        socket.pause();
      }
    }

    function begin(bytes: Buffer): void {
      const read = readWholeRequest(bytes, maxHeaderBytes);
      if (read === undefined) {
        giveAway(bytes);
      } else if (typeof read === 'number') {
        held = [bytes];
        heldBytes = bytes.length;
        awaited = read;
        patience ??= setTimeout(() => giveAway(takeHeld()), patienceMs).unref();
      } else {
        stopWaiting();
        answer = new AgentAnswer(answering, read.method);
        take(read, peer, answer);
      }
    }

    function takeHeld(): Buffer {
      const bytes = Buffer.concat(held);
      held = [];
      heldBytes = 0;
      return bytes;
    }

    function stopWaiting(): void {
      clearTimeout(patience);
      patience = undefined;
    }

    function giveAway(bytes: Buffer): void {
      forget();
      socket.off('data', onData).off('drain', onDrain).off('end', onEnd).off('error', onError).off('close', onClose);
      giveToNode(socket);
      // It flows, so Node reads them at once. Not made to flow after that: a tunnel may have it by now, which reads when it is ready.
      socket.unshift(bytes);
    }

    function answered(): void {
      answer = undefined;
      idle.refresh();
      if (draining) leave();
      else if (heldBytes > 0) {
        socket.resume();
        begin(takeHeld());
      }
    }

    /** Nothing begins after an answer that said so (RFC 9112 section 9.6); who stays all the same would hold up a stop. */
    function leave(): void {
      socket.off('data', onData);
      socket.destroySoon();
    }

    function closeIfIdle(): void {
      if (answer === undefined && heldBytes === 0) socket.destroy();
    }

    function onDrain(): void {
      answer?.emit('drain');
    }

    /** Whoever ends a connection before its answer has left, leaves (as with Node's server). */
    function onEnd(): void {
      if (answer !== undefined && !answer.ended) {
        socket.destroy();
        return;
      }
      // What waits for its turn, or for its rest, could not be answered any more.
      stopWaiting();
      takeHeld();
      socket.end();
    }

    function onClose(): void {
      forget();
      answer?.cut();
    }

    function forget(): void {
      stopWaiting();
      clearTimeout(idle);
      open.delete(connection);
    }
  }

  return {
    accept,
    drain() {
      draining = true;
      for (const connection of open) connection.closeIfIdle();
    },
    destroy() {
      for (const { socket } of open) socket.destroy();
    },
  };
}

/** A reset is no fault of the gate's; 'close' follows. */
function onError(): void {}

/** Made anew when the second has changed. */
function createOwnLines({ clock, keepAliveMs }: AgentConnectionsOptions) {
  const stays = `connection: keep-alive\r\nkeep-alive: timeout=${Math.floor(keepAliveMs / 1_000)}\r\n`;
  const closes = 'connection: close\r\n';
  let second = Number.NaN;
  let date = '';
  return (dated: boolean, persistent: boolean): string => {
    const now = Math.floor(clock.now() / 1_000);
    if (now !== second) {
      second = now;
      date = `date: ${new Date(now * 1_000).toUTCString()}\r\n`;
    }
    return (dated ? '' : date) + (persistent ? stays : closes);
  };
}
