// Relays a streamed request body from the agent's connection to the upstream's, holding no more than one chunk ahead.
// The relay stands between the two so that an upstream that answers early ends the relay, not the agent's connection.

import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** Bytes held between agent and upstream; what is beyond waits in the agent's socket. */
const heldBytes = 65_536;

export interface BodyRelay {
  readonly stream: Readable;
  /** Bytes of the body received from the agent so far. */
  received(): number;
}

/**
 * @param stalled called once when the agent has sent nothing for `idleMs` although it was its turn
 */
export function relayBody(request: IncomingMessage, idleMs: number, stalled: () => void): BodyRelay {
  let received = 0;
  let idle: NodeJS.Timeout | undefined;

  const waitForAgent = () => {
    if (idle !== undefined) idle.refresh();
    else idle = setTimeout(stalled, idleMs).unref();
  };
  const stopWaiting = () => {
    clearTimeout(idle);
    idle = undefined;
  };

  const stream = new Readable({
    highWaterMark: heldBytes,
    read() {
      waitForAgent();
      request.resume();
    },
    destroy(error, callback) {
      stopWaiting();
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      // The upstream answered without reading the rest: let the agent finish sending, so that it reads the answer.
      request.resume();
      callback(error);
    },
  });

  function onData(chunk: Buffer): void {
    received += chunk.length;
    if (stream.push(chunk)) waitForAgent();
    else {
      stopWaiting();
      request.pause();
    }
  }
  function onEnd(): void {
    stopWaiting();
    stream.push(null);
  }
  function onClose(): void {
    if (!request.complete) stream.destroy(new AgentGone());
  }

  request.on('data', onData).on('end', onEnd).on('close', onClose);
  // Without a listener the reset of an agent's connection would be an uncaught exception; 'close' follows.
  request.on('error', () => {});
  request.pause();
  if (request.readableEnded) stream.push(null);
  else if (request.destroyed) stream.destroy(new AgentGone());
  return { stream, received: () => received };
}

/** The agent's connection ended before its body did. */
export class AgentGone extends Error {
  constructor() {
    super('the agent ended its connection before its body');
    this.name = 'AgentGone';
  }
}
