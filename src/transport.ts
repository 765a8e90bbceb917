// What a call came in by and is answered through: Node's own objects, or the gate's where a request came whole. No behaviour.
// Must show no more of either than the stages use.

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A request that came whole, its body with its head: nothing of it is still on its way (listeners/whole-request.ts). */
export interface WholeRequest {
  readonly socket: Socket;
  /** None once the answer has begun. */
  readonly rawHeaders: string[];
  readonly complete: true;
  /** Empty once the answer has begun. */
  readonly whole: Buffer;
}

/** What an answer is written to, a part of Node's `ServerResponse`; of a {@link WholeRequest} it is listeners/agent-answer.ts. */
export interface AgentResponse {
  readonly headersSent: boolean;
  /** Everything has left the process. */
  readonly writableFinished: boolean;
  readonly writableLength: number;
  readonly destroyed: boolean;
  /** Over, well or not. */
  readonly closed: boolean;
  /** `null` before its turn, where requests are pipelined. */
  readonly socket: Socket | null;
  /** @throws for what no head may hold */
  writeHead(status: number, lines: string[]): unknown;
  flushHeaders(): void;
  /** @returns false when the agent should read first; `drain` follows */
  write(piece: Buffer): boolean;
  end(body: Buffer): unknown;
  end(body: string, encoding: 'latin1'): unknown;
  /** Cuts the connection: the agent sees that the answer is not whole. */
  destroy(): unknown;
  on(event: 'close' | 'drain', listener: () => void): unknown;
  off(event: 'close' | 'drain', listener: () => void): unknown;
}

export interface HttpTransport {
  readonly kind: 'http';
  readonly request: IncomingMessage | WholeRequest;
  readonly response: AgentResponse;
}

export interface UpgradeTransport {
  readonly kind: 'upgrade';
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** Bytes the client sent after its upgrade request. */
  readonly head: Buffer;
}
