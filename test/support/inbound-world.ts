// A whole sidecar with an agent behind it: callers -> inbound listener -> agent -> outbound listener -> upstream. The agent keeps
// everything it ever received, so that a test can say what it never saw.

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Test } from 'tap';
import type { Clock } from '../../src/base/ports.ts';
import { apiRoute, type Document, type Places, startE2e, type World } from './e2e-world.ts';

export interface AgentRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** What it was given to call on with. */
  readonly handle: string;
}

/** What the agent does with a call; `gate` is where it calls out. */
export type Behaviour = (request: AgentRequest, response: ServerResponse, gate: string) => void | Promise<void>;

export interface TestAgent {
  readonly url: string;
  readonly received: readonly AgentRequest[];
  behave(behaviour: Behaviour): void;
  /** Takes upgrades; without it they are answered as requests. */
  onUpgrade(take: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void;
}

export interface InboundWorld extends World {
  readonly agentBehind: TestAgent;
  /** Calls the agent through the gate; by default as alice. `null`: without a token. */
  callAgent(options?: AgentCall): Promise<Response>;
}

export interface AgentCall {
  readonly token?: string | null;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

export interface InboundWorldOptions {
  readonly inbound?: Document;
  /** Sections that replace those of the standard configuration. */
  readonly config?: (places: Places) => Document;
  readonly clock?: Clock;
}

/** What an OpenTelemetry SDK sends on of a call: its trace, under a span of its own, and its trace state as it came. */
export function continuing({ headers }: Pick<AgentRequest, 'headers'>): { traceparent: string; tracestate: string } {
  const traceId = String(headers['traceparent']).split('-')[1] ?? '';
  return { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, tracestate: String(headers['tracestate']) };
}

/** Calls out with the handle where an SDK puts its key, and answers with what came back. */
export const callsOn: Behaviour = async ({ handle }, response, gate) => {
  const answer = await fetch(`${gate}/api/tickets`, { headers: { authorization: `Bearer ${handle}` } });
  response.writeHead(answer.status, { 'content-type': 'application/json' });
  response.end(await answer.text());
};

export function inboundSection(agent: TestAgent, changes: Document = {}): Document {
  return { listen: '127.0.0.1:0', agent: agent.url, allow: [{ id: 'anyone' }], ...changes };
}

export async function startInboundWorld(t: Test, options: InboundWorldOptions = {}): Promise<InboundWorld> {
  let gate = '';
  const agentBehind = await startAgent(t, () => gate);
  const world = await startE2e(t, {
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    config: async (places) => {
      const own = await places.issuer.mint({ sub: 'agent:planner', kind: 'workload', ttl: 86_400 });
      writeFileSync(join(places.folder, 'token'), own);
      return {
        identity: { mode: 'sidecar', token_file: join(places.folder, 'token') },
        inbound: inboundSection(agentBehind, options.inbound),
        routes: [apiRoute(places)],
        ...options.config?.(places),
      };
    },
  });
  gate = world.gate;
  const { inboundUrl } = world.app;
  if (inboundUrl === undefined) throw new TypeError('nothing comes in');

  return {
    ...world,
    agentBehind,
    async callAgent({ token, path = '/ask', headers, ...init } = {}) {
      const presented = token === undefined ? await world.user() : token;
      return fetch(`${inboundUrl}${path}`, {
        redirect: 'manual',
        ...init,
        headers: { ...(presented === null ? {} : { authorization: `Bearer ${presented}` }), ...headers },
      });
    },
  };
}

async function startAgent(t: Test, gate: () => string): Promise<TestAgent> {
  const received: AgentRequest[] = [];
  let behaviour = callsOn;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers, rawHeaders, method = '', url = '' } = request;
    const handle = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    const one = { method, url, headers, rawHeaders, body: await textOf(request), handle };
    received.push(one);
    await behaviour(one, response, gate());
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    received,
    behave(next) {
      behaviour = next;
    },
    onUpgrade(take) {
      server.on('upgrade', take);
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

/** The parts of a token that give it away: its payload and its signature. */
export function canariesOf(token: string): readonly string[] {
  return token.split('.').slice(1);
}
