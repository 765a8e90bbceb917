// An upstream's event stream held in a test's hand, and the reading of one as an agent does, event by event.

import type { ServerResponse } from 'node:http';
import type { RecordingUpstream } from './e2e-upstream.ts';

export interface HeldStream {
  send(text: string): void;
  end(): void;
  /** Resolves when the gate has gone from the other end. */
  readonly gone: Promise<void>;
}

/** The next request is answered with a stream; resolves once it has come in. */
export function holdStream(upstream: RecordingUpstream): Promise<HeldStream> {
  return new Promise((resolve) => {
    upstream.answerWith((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      resolve(held(response));
    });
  });
}

function held(response: ServerResponse): HeldStream {
  return {
    send: (text) => response.write(text),
    end: () => response.end(),
    gone: new Promise((resolve) => response.once('close', () => resolve())),
  };
}

export interface StreamReader {
  /** Text received so far, once it contains `text`. */
  until(text: string): Promise<string>;
  /** Everything, once the stream has ended whole; rejects when it was cut. */
  rest(): Promise<string>;
}

export function readStream(response: Response): StreamReader {
  const reader = response.body?.getReader();
  if (reader === undefined) throw new TypeError('the answer has no body');
  const decoder = new TextDecoder();
  let received = '';
  const more = async () => {
    const { done, value } = await reader.read();
    received += decoder.decode(value, { stream: !done });
    return !done;
  };
  return {
    async until(text) {
      while (!received.includes(text)) if (!(await more())) throw new Error(`the stream ended without ${text}`);
      return received;
    },
    async rest() {
      while (await more());
      return received;
    },
  };
}
