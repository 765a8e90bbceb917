// The agent: called through its own gate, it gets a handle where a token would be, and asks every API with it, each twice. It has
// no token and no key, and keeps the handle to try again with later, as whoever stole it would.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { listenOnLoopback, sendJson } from '../upstreams/serve.ts';
import { bearerOf } from '../upstreams/verify.ts';
import { clients, type Hands } from './clients.ts';

/** How one call ended, as the SDK told it. */
export type Outcome =
  | { readonly text: string | undefined; readonly error?: never }
  | { readonly error: string; readonly text?: never };

export interface Asked {
  readonly route: string;
  /** In the order they were made. */
  readonly outcomes: readonly Outcome[];
}

export interface Agent {
  readonly url: string;
  /** The handle of the last call that came in. */
  handle(): string;
  /** What it got, once it was called. */
  asked(): readonly Asked[];
  /** Asks every API once more, with what it still has in its hands. */
  again(): Promise<readonly Asked[]>;
  /** Told once the gate listens: the gate needs the agent's address first. */
  goOutBy(gate: string): void;
  close(): Promise<void>;
}

export async function startAgent(): Promise<Agent> {
  let gate = '';
  let hands: Hands = { gate, handle: '', context: {} };
  let asked: readonly Asked[] = [];

  async function serve({ headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    hands = { gate, handle: bearerOf(headers.authorization) ?? '', context: contextOf(headers) };
    asked = await askAll(hands, 2);
    sendJson(response, 200, { asked: asked.length });
  }

  const { url, close } = await listenOnLoopback((request, response) => {
    request.resume();
    serve(request, response).catch(() => response.destroy());
  });
  return {
    ...{ url, close },
    handle: () => hands.handle,
    asked: () => asked,
    again: () => askAll(hands, 1),
    goOutBy(origin) {
      gate = origin;
    },
  };
}

function askAll(hands: Hands, times: number): Promise<readonly Asked[]> {
  return Promise.all(
    [...clients].map(async ([route, { ask }]) => {
      const outcomes: Outcome[] = [];
      for (let time = 0; time < times; time += 1) outcomes.push(await outcomeOf(ask(hands)));
      return { route, outcomes };
    }),
  );
}

function outcomeOf(call: Promise<string | null | undefined>): Promise<Outcome> {
  return call.then(
    (text) => ({ text: text ?? undefined }),
    (failure: unknown) => ({
      error: failure instanceof Error ? `${failure.constructor.name}: ${failure.message}` : 'failed',
    }),
  );
}

function contextOf({ traceparent, tracestate }: IncomingMessage['headers']): Record<string, string> {
  return {
    ...(typeof traceparent === 'string' ? { traceparent } : {}),
    ...(typeof tracestate === 'string' ? { tracestate } : {}),
  };
}
