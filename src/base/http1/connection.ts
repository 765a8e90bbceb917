// One HTTP/1.1 connection: carries one exchange at a time and reads its answer to the last byte. A record and functions over it:
// an exchange is in the processor's cache for a moment only, and a closure is two more lines to fetch (ADR 16).
// Must never give a byte of one answer to another exchange: a connection is used again only when both sides have plainly finished.

import type { Socket } from 'node:net';
import { joinable } from '../one-piece.ts';
import { type Answer, awaitAnswer, endAnswer, newAnswer, takeBody, takeHead } from './answer.ts';
import type { Link, Receiver, UpstreamRequest } from './exchange.ts';
import { Http1Fault } from './fault.ts';
import { requestHead } from './request-head.ts';
import { checkSource, type SentBody, sendBody } from './send-body.ts';

/** Who keeps connections. */
export interface Keeper {
  /** Nothing is under way here; another request may follow. */
  idle(connection: Connection): void;
  /** The socket has closed. */
  closed(connection: Connection): void;
}

export interface Connection extends Link {
  readonly socket: Socket;
  readonly host: string;
  readonly keeper: Keeper;
  readonly answer: Answer;
  /** The exchange under way. */
  receiver: Receiver | undefined;
  /** A body still on its way out. */
  sending: SentBody | undefined;
  paused: boolean;
  timer: NodeJS.Timeout | undefined;
  timerMs: number;
  /** Over TLS. */
  readonly secure: boolean;
  /** Its request was small, and left in one piece. */
  small: boolean;
  /** Its last request is not known to have left: see {@link judge}. */
  leaving: boolean;
  /** What the socket died of. */
  broken: Error | undefined;
  /** Turns of the keeper's clock since it became idle. */
  idleTurns: number;
}

/** @param socket connected; what it reads is given to `received` by who made it. @param host of the upstream, with its port */
export function newConnection(socket: Socket, host: string, keeper: Keeper): Connection {
  const connection: Connection = {
    socket,
    host,
    keeper,
    answer: newAnswer(),
    receiver: undefined,
    sending: undefined,
    paused: false,
    secure: 'encrypted' in socket,
    small: false,
    leaving: false,
    timer: undefined,
    timerMs: 0,
    broken: undefined,
    idleTurns: 0,
    resume,
    abort,
  };
  socket.on('error', (error) => {
    connection.broken = error;
  });
  socket.on('end', () => onEnd(connection));
  socket.on('close', () => onClose(connection));
  return connection;
}

/** Begins an exchange on a connection that is idle. */
export function begin(connection: Connection, request: UpstreamRequest, receiver: Receiver): void {
  const { body } = request;
  let head: string;
  try {
    head = requestHead(request, connection.host);
    if (body !== undefined && 'stream' in body) checkSource(body);
    receiver.onStart(connection);
  } catch (error) {
    // Nothing has left: the connection is as good as before.
    receiver.onError(error);
    connection.keeper.idle(connection);
    return;
  }
  connection.receiver = receiver;
  connection.paused = false;
  connection.leaving = false;
  awaitAnswer(connection.answer, request.method === 'HEAD');
  awaitProgress(connection, request.idleMs);
  write(connection, head, body);
}

function write(connection: Connection, head: string, body: UpstreamRequest['body']): void {
  const { socket } = connection;
  connection.small = body === undefined;
  if (body !== undefined && !('stream' in body)) {
    const text = joinable(body);
    connection.small = text !== undefined;
    if (text !== undefined) {
      socket.write(head + text, 'latin1');
      return;
    }
    socket.cork();
    socket.write(head, 'latin1');
    socket.write(body);
    socket.uncork();
    return;
  }
  socket.write(head, 'latin1');
  if (body === undefined) return;
  connection.sending = sendBody(socket, body, {
    moved: () => connection.timer?.refresh(),
    sent: () => {
      connection.sending = undefined;
    },
    failed: (error) => fail(connection, error),
  });
}

/** Takes what the socket read. @param bytes used again for the next read, and changed here */
export function received(connection: Connection, bytes: Buffer): void {
  const { receiver } = connection;
  if (receiver === undefined) {
    // What nobody asked for would be taken for the answer of the next call.
    connection.socket.destroy();
    return;
  }
  try {
    take(connection, receiver, bytes);
  } catch (error) {
    if (connection.receiver === receiver) fail(connection, error);
  }
}

function take(connection: Connection, receiver: Receiver, bytes: Buffer): void {
  const { answer } = connection;
  let rest = bytes;
  if (answer.awaits === 'head') {
    const found = takeHead(answer, bytes);
    if (found !== undefined) receiver.onHead(found.head.status, found.head.lines);
    rest = found?.rest ?? nothing;
  }
  // Each of the receiver's methods may end the exchange.
  if (connection.receiver !== receiver) return;
  const body = rest.length === 0 ? rest : takeBody(answer, rest);
  // A copy: the bytes lie where the next read of whatever connection will put its own.
  if (body.length > 0 && !receiver.onData(Buffer.from(body))) pause(connection, receiver);
  if (connection.receiver !== receiver) return;
  if (answer.awaits === 'nothing') finish(connection, receiver);
  // A head has its time as a whole: sent byte by byte it would hold a call for days.
  else if (answer.awaits !== 'head') connection.timer?.refresh();
}

const nothing = Buffer.alloc(0);

function pause(connection: Connection, receiver: Receiver): void {
  if (connection.receiver !== receiver) return;
  connection.paused = true;
  connection.socket.pause();
}

/** The answer is whole. */
function finish(connection: Connection, receiver: Receiver): void {
  const { socket } = connection;
  const late = connection.secure && connection.small && socket.writableLength > 0;
  // An upstream that answers before it has read the request may leave it at that, and take what still comes of it, the agent's words,
  // for a request of its own. Its answer would be the next call's.
  const gone = connection.sending === undefined && (socket.writableLength === 0 || late);
  const reusable = connection.answer.persistent && gone;
  clear(connection);
  if (!reusable) socket.destroy();
  else if (connection.paused) socket.resume();
  try {
    receiver.onEnd();
  } catch (error) {
    receiver.onError(error);
  }
  if (!reusable) return;
  connection.leaving = late;
  if (late) setImmediate(judge, connection);
  connection.keeper.idle(connection);
}

/**
 * Over TLS Node tells of a write that was done at once no sooner than after the events of the next turn, one of which may be the answer
 * (near upstreams: of nearly all calls, each of which then paid for a handshake). A small request is given the rest of this turn. A
 * large one is not: it may be on its way still, and its end may go in this very turn.
 */
function judge(connection: Connection): void {
  if (connection.leaving && connection.socket.writableLength > 0) connection.socket.destroy();
  connection.leaving = false;
}

/** Ends the exchange under way, if any, and the connection. */
function fail(connection: Connection, error: unknown): void {
  const { receiver } = connection;
  clear(connection);
  connection.socket.destroy();
  receiver?.onError(error);
}

function clear(connection: Connection): void {
  connection.receiver = undefined;
  connection.sending?.stop();
  connection.sending = undefined;
  endAnswer(connection.answer);
}

function onEnd(connection: Connection): void {
  const { receiver, answer, socket } = connection;
  if (receiver !== undefined && answer.awaits === 'close') finish(connection, receiver);
  else socket.destroy();
}

function onClose(connection: Connection): void {
  clearTimeout(connection.timer);
  fail(connection, connection.broken ?? new Http1Fault('CLOSED_EARLY'));
  connection.keeper.closed(connection);
}

function awaitProgress(connection: Connection, ms: number): void {
  if (connection.timer !== undefined && connection.timerMs === ms) {
    connection.timer.refresh();
    return;
  }
  clearTimeout(connection.timer);
  connection.timerMs = ms;
  connection.timer = setTimeout(onSilence, ms, connection).unref();
}

function onSilence(connection: Connection): void {
  const { receiver, answer, paused, sending, socket } = connection;
  if (receiver === undefined) return;
  // The receiver does not take what came, or the body's source gives no more of it: then it is not the other side that is silent.
  if (paused || (sending !== undefined && !socket.writableNeedDrain)) connection.timer?.refresh();
  else fail(connection, new Http1Fault(answer.awaits === 'head' ? 'HEAD_TIMEOUT' : 'BODY_TIMEOUT'));
}

function resume(this: Connection, receiver: Receiver): void {
  if (this.receiver !== receiver || !this.paused) return;
  this.paused = false;
  this.timer?.refresh();
  this.socket.resume();
}

function abort(this: Connection, receiver: Receiver, why: Error): void {
  if (this.receiver === receiver) fail(this, why);
}
