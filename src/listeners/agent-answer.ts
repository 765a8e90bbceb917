// The answer to a whole request, written straight to the agent's connection: one text where it is small, one write an event where
// it is a stream. What Node's ServerResponse adds to a head is added here too: date, connection, framing.
// Must never write what could end a line early, nor leave a connection usable whose answer was not as long as it said.

import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { byText } from '../base/by-text.ts';
import { toFieldValue } from '../base/http1/field-value.ts';
import { isToken } from '../base/http1/token.ts';
import { STATUS_CODES } from '../base/node-http.ts';
import { joinable } from '../base/one-piece.ts';
import type { AgentResponse } from '../transport.ts';

/** The connection, as far as an answer has to know it. */
export interface Answering {
  readonly socket: Socket;
  /** Lines about the connection and, unless the answer has its own, the date. */
  ownLines(dated: boolean): string;
  /** The answer has left the process whole. */
  answered(): void;
}

/** RFC 9110 section 8.6. What else is a number for JavaScript would be another one for the agent. */
const digits = /^\d+$/;

/** Said here and nowhere else. */
const ours = new Set(['connection', 'keep-alive', 'transfer-encoding', 'trailer', 'upgrade']);

const meaningOf = byText((name): 'length' | 'date' | 'other' => {
  const lower = name.toLowerCase();
  if (!isToken(name) || ours.has(lower)) throw new TypeError('a header line that is not to be written');
  return lower === 'content-length' ? 'length' : lower === 'date' ? 'date' : 'other';
});

export class AgentAnswer extends EventEmitter implements AgentResponse {
  readonly #connection: Answering;
  readonly #toHead: boolean;
  /** Waits for the first piece, to leave with it. */
  #head = '';
  #framing: 'length' | 'chunks' | 'none' = 'none';
  /** Bytes to come where a length was said. */
  #left = 0;
  ended = false;
  headersSent = false;
  writableFinished = false;
  closed = false;

  /** @param method of the request: the answer to HEAD has no body, whatever it says */
  constructor(connection: Answering, method: string) {
    super();
    this.#connection = connection;
    this.#toHead = method === 'HEAD';
  }

  get socket(): Socket {
    return this.#connection.socket;
  }

  get destroyed(): boolean {
    return this.closed || this.socket.destroyed;
  }

  get writableLength(): number {
    return this.closed ? 0 : this.socket.writableLength;
  }

  /** @throws Http1Fault, TypeError */
  writeHead(status: number, lines: readonly string[]): void {
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`;
    let length: number | undefined;
    let dated = false;
    for (let i = 0; i + 1 < lines.length; i += 2) {
      const name = lines[i] ?? '';
      const value = toFieldValue(lines[i + 1] ?? '');
      const means = meaningOf(name);
      if (means === 'date') dated = true;
      else if (means === 'length') {
        if (length !== undefined || !digits.test(value)) throw new TypeError('a length said twice, or none');
        length = Number(value);
      }
      head += `${name}: ${value}\r\n`;
    }
    if (!this.#toHead && status !== 204 && status !== 304) this.#framing = length === undefined ? 'chunks' : 'length';
    if (this.#framing === 'chunks') head += 'transfer-encoding: chunked\r\n';
    this.#left = length ?? 0;
    this.#head = `${head}${this.#connection.ownLines(dated)}\r\n`;
    this.headersSent = true;
  }

  flushHeaders(): void {
    if (!this.destroyed) this.#put('');
  }

  write(piece: Buffer): boolean {
    if (this.ended || this.destroyed || !this.#takes(piece.length)) return true;
    const text = joinable(piece);
    return text === undefined ? this.#putLarge(piece) : this.#put(this.#framed(text));
  }

  end(body: Buffer | string, _encoding?: 'latin1'): void {
    if (this.ended || this.destroyed || !this.#takes(body.length)) return;
    this.ended = true;
    const text = typeof body === 'string' ? body : joinable(body);
    if (text !== undefined) this.#put(this.#framed(text) + this.#ending());
    else if (typeof body !== 'string') {
      this.#putLarge(body);
      this.#put(this.#ending());
    }
    // The agent would take the next answer for the rest of this one.
    if (this.#framing === 'length' && this.#left > 0) this.destroy();
    // Nothing waits either where the system has just refused to take it: the connection is gone, and 'close' follows.
    else if (this.socket.writableLength === 0 && this.socket.errored === null) this.#over();
    else this.socket.write('', (error) => error ?? this.#over());
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** The connection has closed, before the answer's end or after it. */
  cut(): void {
    if (this.closed) return;
    this.closed = true;
    this.emit('close');
  }

  #over(): void {
    if (this.closed) return;
    this.writableFinished = true;
    this.closed = true;
    this.emit('close');
    this.#connection.answered();
  }

  /** @returns whether there is room for so many bytes of body. What is longer than was said would be read as the next answer. */
  #takes(count: number): boolean {
    this.#left -= count;
    if (this.#framing !== 'length' || this.#left >= 0) return true;
    this.destroy();
    return false;
  }

  #framed(text: string): string {
    if (this.#framing === 'none' || text === '') return '';
    return this.#framing === 'length' ? text : `${text.length.toString(16)}\r\n${text}\r\n`;
  }

  #ending(): string {
    return this.#framing === 'chunks' ? '0\r\n\r\n' : '';
  }

  #put(text: string): boolean {
    const all = this.#head + text;
    this.#head = '';
    return all === '' || this.socket.write(all, 'latin1');
  }

  #putLarge(piece: Buffer): boolean {
    if (this.#framing === 'none') return this.#put('');
    const { socket } = this;
    socket.cork();
    this.#put(this.#framing === 'chunks' ? `${piece.length.toString(16)}\r\n` : '');
    let more = socket.write(piece);
    if (this.#framing === 'chunks') more = socket.write('\r\n', 'latin1');
    socket.uncork();
    return more;
  }
}
