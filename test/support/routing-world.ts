// The routing stage between a real HTTP server and nothing: what is asked arrives stripped, from a known caller, and what
// routing makes of it, a routed call or a refusal, is the answer.

import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { Refusal } from '../../src/base/errors.ts';
import type { Problem } from '../../src/base/problem.ts';
import { Secret } from '../../src/base/secret.ts';
import type { Arrival, KnownCall, Observation, RoutedCall } from '../../src/call.ts';
import { createStrip } from '../../src/identity/strip.ts';
import type { Principal } from '../../src/principal.ts';
import { type Catalogue, compileCatalogue } from '../../src/routing/catalogue.ts';
import { builtInPresets, loadPresets } from '../../src/routing/preset.ts';
import type { Preset } from '../../src/routing/preset-schema.ts';
import { createRoute } from '../../src/routing/route.ts';
import { routeRoutingShape } from '../../src/routing/schema.ts';

const routeSchema = z.strictObject(routeRoutingShape);
export type RouteInput = z.input<typeof routeSchema>;

export const presets: ReadonlyMap<string, Preset> = loadPresets([builtInPresets]).presets;

export interface Compiled {
  readonly catalogue: Catalogue;
  readonly problems: readonly Problem[];
}

/** Compiles routes as a configuration file would give them. */
export function compile(routes: readonly RouteInput[]): Compiled {
  const problems: Problem[] = [];
  const parsed = routes.map((route) => routeSchema.parse(route));
  const catalogue = compileCatalogue({ presets, routes: parsed, report: (problem) => problems.push(problem) });
  return { catalogue, problems };
}

export interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Buffer | undefined;
  /** Send the body in chunks, without a length. */
  readonly chunked?: boolean;
  readonly upgrade?: boolean;
}

export type Outcome =
  | { readonly kind: 'routed'; readonly call: RoutedCall }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export interface Gate {
  readonly port: number;
  ask(asked: Asked): Promise<Outcome>;
  /** The next outcome, for what is sent by other means. */
  next(): Promise<Outcome>;
  close(): void;
}

interface Teardown {
  teardown(close: () => void): void;
}

/** Starts the stage; stops it with the test. */
export async function startGate(t: Teardown, routes: readonly RouteInput[]): Promise<Gate> {
  const { catalogue, problems } = compile(routes);
  const [problem] = problems;
  if (problem !== undefined) throw new Error(`${problem.path.join('.')} ${problem.what}`);
  const gate = await listen(catalogue);
  t.teardown(() => gate.close());
  return gate;
}

async function listen(catalogue: Catalogue): Promise<Gate> {
  const strip = createStrip();
  const route = createRoute({ catalogue });
  let settle: (outcome: Outcome) => void = () => {};
  const next = (): Promise<Outcome> =>
    new Promise((resolve) => {
      settle = resolve;
    });
  const arrive = async (arrival: Arrival): Promise<void> => {
    try {
      settle({ kind: 'routed', call: await route(known(strip({ ...arrival, observation: silent }))) });
    } catch (failure) {
      if (!(failure instanceof Refusal)) throw failure;
      settle({ kind: 'refused', refusal: failure });
    }
  };

  const server = createServer((request, response) => {
    arrive(arrivalOf(request, { kind: 'http', request, response })).finally(() => finish(request, response));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    arrive(arrivalOf(request, { kind: 'upgrade', request, socket, head })).finally(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server's address is never a string
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { port, next, close, ask: (asked) => send(port, asked, next()) };
}

function finish(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  response.writeHead(204, { connection: 'close' }).end();
}

function send(port: number, asked: Asked, outcome: Promise<Outcome>): Promise<Outcome> {
  const headers: Record<string, string | string[]> = { ...asked.headers };
  if (asked.upgrade === true) Object.assign(headers, { connection: 'Upgrade', upgrade: 'websocket' });
  if (asked.body !== undefined && asked.chunked !== true)
    headers['content-length'] = String(Buffer.byteLength(asked.body));
  const { path, method = 'GET' } = asked;
  const request = httpRequest({ port, host: '127.0.0.1', path, method, headers, agent: false });
  request.on('error', () => {}); // refused uploads and upgrades end with the connection
  request.on('response', (response) => response.resume());
  if (asked.chunked === true) request.write(asked.body ?? '');
  request.end(asked.chunked === true ? undefined : asked.body);
  return outcome;
}

function arrivalOf(request: IncomingMessage, transport: Arrival['transport']): Arrival {
  return {
    id: 'call-1',
    at: 0,
    method: request.method ?? '',
    target: request.url ?? '',
    rawHeaders: request.rawHeaders,
    peer: { address: '127.0.0.1', port: 50_000, spiffeId: undefined },
    transport,
  };
}

const agent: Principal = { kind: 'workload', iss: 'https://idp.example.com', sub: 'spiffe://corp/agent', claims: {} };

function known(call: ReturnType<ReturnType<typeof createStrip>>): KnownCall {
  return {
    ...call,
    caller: agent,
    subject: agent,
    chain: { subject: agent, actors: [], prior: [], rootId: 'root-1' },
    subjectToken: {
      token: new Secret('token'),
      principal: agent,
      actors: [],
      audiences: ['postern'],
      scopes: undefined,
      mayAct: undefined,
      expiresAt: 4_000_000_000,
      jti: undefined,
      txn: undefined,
      trust: 'corp',
    },
    actorToken: undefined,
    binding: 'self',
  };
}

const span = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 };

const silent: Observation = {
  span,
  exchangeStarted: () => ({ span, traceparent: '', asked: () => {}, succeeded: () => {}, failed: () => {} }),
  attemptStarted: () => ({ traceparent: '', responded: () => {}, passed: () => {}, ended: () => {} }),
  replied: () => {},
  refused: () => {},
};

/** The reason a function refuses with; undefined when it does not. Other failures pass. */
export function reasonOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (failure) {
    if (failure instanceof Refusal) return failure.reason;
    throw failure;
  }
}

/** The routed call of an outcome, or a failure that says why not. */
export function routed(outcome: Outcome): RoutedCall {
  if (outcome.kind === 'routed') return outcome.call;
  throw new Error(`refused: ${outcome.refusal.reason} (${outcome.refusal.detail ?? ''})`);
}

/** The reason of a refused outcome; `routed` when it was not refused. */
export function refusedFor(outcome: Outcome): string {
  return outcome.kind === 'refused' ? outcome.refusal.reason : 'routed';
}
