// Server-sent events as the model APIs stream them. Each event is written on its own turn of the event loop, so that it
// travels as its own chunk and a proxy that collects them before passing them on is found out.

import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';

export interface ServerSentEvent {
  /** `event:` line; none when undefined. */
  readonly name?: string;
  readonly data: string;
}

export async function streamEvents(
  response: ServerResponse,
  events: Iterable<ServerSentEvent>,
  headers: Record<string, string> = {},
): Promise<void> {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    ...headers,
  });
  for (const { name, data } of events) {
    if (response.destroyed) return;
    response.write(`${name === undefined ? '' : `event: ${name}\n`}data: ${data}\n\n`);
    await nextTurn();
  }
  response.end();
}
