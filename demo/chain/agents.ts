// The two agents of the chain: each is called through its own sidecar, gets a handle where a token would be, and calls on with
// it. Neither ever has a token: the handle is the API key of their SDKs. POST /ask works; POST /wait only takes the call.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { z } from 'zod';
import { listenOnLoopback, sendJson } from '../upstreams/serve.ts';
import { bearerOf } from '../upstreams/verify.ts';
import { createWitness, type Witness } from './witness.ts';

/** What any OpenTelemetry SDK hands on; the sidecar's proof of the call is in `tracestate`. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** A call that came in, as far as the agent's work needs it. */
export interface Task {
  readonly path: string;
  /** What it was given to call on with. */
  readonly handle: string;
  /** Trace context as it came, which goes along on the way out. */
  readonly context: TraceContext;
  readonly body: string;
  /** Origin of the agent's own sidecar. */
  readonly gate: string;
  readonly fetch: typeof fetch;
}

export interface ChainAgent {
  readonly url: string;
  readonly witness: Witness;
  /** Calls that reached it, oldest first. */
  tasks(): readonly Task[];
  /** Told once the sidecar listens: it needs the agent's address first. */
  goOutBy(gate: string): void;
  close(): Promise<void>;
}

/** Body of an MCP `initialize`, for who has no SDK. */
export const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'chain', version: '1.0.0' } },
});

export const mcpHeaders = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** Hands the question to the researcher, and its answer back; any path below it. */
export const plannersWork = async ({ path, handle, context, body, gate, fetch }: Task): Promise<Response> =>
  fetch(`${gate}/researcher${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${handle}`, ...context, 'content-type': 'application/json' },
    body,
  });

/** Calls the tool with the SDK; on /by-trace with nothing but the trace context it was given. */
export async function researchersWork(task: Task): Promise<Response> {
  const { handle, context, gate, fetch } = task;
  const url = `${gate}/mcp`;
  if (task.path === '/by-trace') {
    return fetch(url, { method: 'POST', headers: { ...mcpHeaders, ...context }, body: initialize });
  }
  const { question } = z.looseObject({ question: z.string().max(4_000) }).parse(JSON.parse(task.body));
  const headers = { authorization: `Bearer ${handle}`, ...context };
  const client = new Client({ name: 'researcher', version: '1.0.0' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers }, fetch }));
  try {
    const { content } = await client.callTool({ name: 'echo', arguments: { message: question } });
    return new Response(z.array(z.looseObject({ text: z.string() })).parse(content)[0]?.text);
  } finally {
    await client.close();
  }
}

export async function startChainAgent(work: (task: Task) => Promise<Response>): Promise<ChainAgent> {
  const witness = createWitness();
  const tasks: Task[] = [];
  let gate = '';

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authorization, traceparent, tracestate } = request.headers;
    const body = await witness.take(request);
    const task: Task = {
      path: request.url ?? '/',
      handle: bearerOf(authorization) ?? '',
      context: {
        traceparent: typeof traceparent === 'string' ? traceparent : '',
        ...(typeof tracestate === 'string' ? { tracestate } : {}),
      },
      ...{ body, gate, fetch: witness.fetch },
    };
    tasks.push(task);
    if (task.path === '/wait') return sendJson(response, 200, {});
    const answer = await work(task);
    response.writeHead(answer.status, { 'content-type': 'text/plain' }).end(await answer.text());
  }

  const { url, close } = await listenOnLoopback((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  return {
    ...{ url, witness, close },
    tasks: () => tasks,
    goOutBy(origin) {
      gate = origin;
    },
  };
}
