// A gate that consists of the forwarding stage alone: a real HTTP server whose every request becomes an armed call to one upstream.
// Keeps what happened: replies, refusals and the observation of each attempt.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createAddressPolicy } from '../../src/base/addresses.ts';
import { asRefusal, type Reason, type Refusal } from '../../src/base/errors.ts';
import { systemClock } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import type { ArmedCall, Arrival, AttemptObservation, Body, Observation, Reply, StreamEnd } from '../../src/call.ts';
import type { Credential, Placement } from '../../src/credential.ts';
import { createForward, type Forwarding, type ForwardOptions } from '../../src/forwarding/forward.ts';
import type { ForwardRoute } from '../../src/forwarding/route.ts';
import type { Principal } from '../../src/principal.ts';
import { silentLog } from './log.ts';

export const secretText = 'upstream-credential-0123456789abcdef';

export interface RecordedAttempt {
  readonly resend: number;
  readonly traceparent: string;
  status: number | undefined;
  passed: number;
  readonly ends: (readonly [StreamEnd, Reason | undefined])[];
}

/** As Node's server makes it. */
type NodeTransport = Arrival['transport'] & { readonly request: IncomingMessage };

export type Change = (call: ArmedCall) => Partial<ArmedCall>;

export interface GateOptions
  extends Partial<Pick<ForwardOptions, 'rearm' | 'rewriteMeta' | 'addresses' | 'ca' | 'clock'>> {
  readonly origin: string;
  readonly route?: Partial<ForwardRoute>;
  /** Changes facts of each call before it is forwarded. */
  readonly change?: Change;
  /** Requests keep their body as a stream instead of being read first. */
  readonly stream?: boolean;
}

export interface TestGate {
  readonly url: string;
  readonly replies: Reply[];
  readonly refusals: Refusal[];
  readonly attempts: RecordedAttempt[];
  readonly forwarding: Forwarding;
  /** The next call to end, in order of ending; also those that ended before it was asked. */
  ended(): Promise<Reply | Refusal>;
  close(): Promise<void>;
}

export function credentialOf(text: string, placement: Placement = bearer): Credential {
  return {
    secret: placement.kind === 'none' ? undefined : new Secret(text),
    placement,
    facts: {
      kind: placement.kind === 'none' ? 'none' : 'exchanged',
      exchange: 'corp',
      grant: 'token_exchange',
      issuer: undefined,
      audience: undefined,
      scopesRequested: [],
      scopesGranted: undefined,
      expiresAt: undefined,
      lifetime: undefined,
      fingerprint: '',
      idHash: undefined,
      verification: { mode: 'not_applicable', findings: [] },
      issued: undefined,
      issuedIn: undefined,
    },
  };
}

export const bearer: Placement = { kind: 'header', name: 'authorization', prefix: 'Bearer ' };

export function principalOf(sub: string, kind: Principal['kind'] = 'workload'): Principal {
  return { kind, iss: 'https://idp.example', sub, claims: {} };
}

export const testRoute: Omit<ForwardRoute, 'origin'> = {
  id: 'things',
  upstreamBase: '/v1',
  gatePath: '/things',
  http2: false,
  mcp: false,
  guard: true,
  forwardHeaders: ['x-kept', 'kept-*'],
  setHeaders: {},
  dropResponseHeaders: [],
  timeouts: { idleMs: 20_000, connectMs: 5_000 },
  maxConnections: 8,
};

export async function startGate(options: GateOptions): Promise<TestGate> {
  const replies: Reply[] = [];
  const refusals: Refusal[] = [];
  const attempts: RecordedAttempt[] = [];
  const ended: (Reply | Refusal)[] = [];
  const waiting: ((outcome: Reply | Refusal) => void)[] = [];
  const forwarding = createForward({
    routes: [{ ...testRoute, origin: options.origin, ...options.route }],
    addresses: options.addresses ?? createAddressPolicy(),
    ca: options.ca ?? [],
    rearm: options.rearm ?? (async (call) => call),
    rewriteMeta: options.rewriteMeta ?? ((body) => body),
    clock: options.clock ?? systemClock,
    log: silentLog,
  });

  function end(outcome: Reply | Refusal): void {
    const next = waiting.shift();
    if (next === undefined) ended.push(outcome);
    else next(outcome);
  }

  /** Apart from what waits for the answer: see `admit` in src/pipeline.ts. */
  async function armed(transport: NodeTransport): Promise<ArmedCall> {
    const body = await bodyOf(transport, options.stream === true);
    const call = armedCall(transport, body, options, observationInto(attempts));
    return { ...call, ...options.change?.(call) };
  }

  async function carry(transport: NodeTransport, refuse: (refusal: Refusal) => void): Promise<void> {
    try {
      const reply = await forwarding.forward(await armed(transport));
      replies.push(reply);
      end(reply);
    } catch (failure) {
      const refusal = asRefusal(failure);
      refusals.push(refusal);
      refuse(refusal);
      end(refusal);
    }
  }

  const server = createServer((request, response) => {
    void carry({ kind: 'http', request, response }, (refusal) => answerRefused(response, refusal));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    void carry({ kind: 'upgrade', request, socket, head }, ({ status, reason }) => {
      socket.end(`HTTP/1.1 ${status} Refused\r\nconnection: close\r\npostern-reason: ${reason}\r\n\r\n`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    replies,
    refusals,
    attempts,
    forwarding,
    async ended() {
      const outcome = ended.shift();
      return outcome ?? new Promise((resolve) => waiting.push(resolve));
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await forwarding.closeNow();
    },
  };
}

export function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new TypeError('not listening on TCP');
  return address.port;
}

function answerRefused(response: ServerResponse, { status, reason }: Refusal): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(status, { 'postern-reason': reason }).end();
}

async function bodyOf(transport: NodeTransport, stream: boolean): Promise<Body> {
  const { request } = transport;
  const length = request.headers['content-length'];
  const has = transport.kind === 'http' && (length !== undefined || request.headers['transfer-encoding'] !== undefined);
  if (!has) return { kind: 'none' };
  if (stream) return { kind: 'stream', stream: request, length: length === undefined ? undefined : Number(length) };
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  return { kind: 'buffered', length: bytes.length, bytes };
}

/** A permitted and armed call of an agent on behalf of a user. */
export function armedCall(
  transport: NodeTransport,
  body: Body,
  { origin, route = {} }: GateOptions,
  observation: Observation,
): ArmedCall {
  const { request } = transport;
  const { id, gatePath, upstreamBase } = { ...testRoute, ...route };
  const target = request.url ?? '/';
  const path = target.startsWith(gatePath) ? upstreamBase + target.slice(gatePath.length) : target;
  const caller = principalOf('agent');
  const subject = principalOf('alice', 'user');
  const token = new Secret('inbound-token-of-the-agent');
  return {
    id: '00000000-0000-4000-8000-000000000001',
    at: 0,
    method: request.method ?? '',
    target,
    rawHeaders: request.rawHeaders,
    peer: { address: '127.0.0.1', port: 1, spiffeId: undefined },
    transport,
    observation,
    headers: request.rawHeaders,
    path: target,
    authority: request.headers.host,
    presented: [],
    subprotocols: (request.headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/).filter((name) => name !== ''),
    caller,
    subject,
    chain: { subject, actors: [], prior: [], rootId: 'root' },
    subjectToken: {
      ...{ token, principal: subject, actors: [], audiences: [], scopes: undefined, mayAct: undefined },
      ...{ expiresAt: 0, jti: undefined, txn: undefined, trust: 'corp' },
    },
    actorToken: undefined,
    binding: 'audience',
    route: {
      ...{ id, preset: undefined, pattern: `${gatePath}/*`, dialect: 'problem', provider: undefined },
      owners: { issuance: undefined, policy: undefined },
    },
    upstream: { origin: route.origin ?? origin, path },
    facts: {
      ...{ method: request.method ?? '', path, operation: undefined, model: undefined, tool: undefined },
      ...{ stream: undefined, resource: undefined, rpcId: undefined, mcpSession: undefined, mcpVersion: undefined },
    },
    body,
    decision: { rule: 'all', policyVersion: '0' },
    scopes: [],
    credential: credentialOf(secretText),
    cache: 'miss',
  };
}

export const unobserved: Observation = observationInto([]);

function observationInto(attempts: RecordedAttempt[]): Observation {
  const span = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };
  return {
    span,
    exchangeStarted: () => {
      throw new TypeError('forwarding makes no exchange');
    },
    attemptStarted(_call, resend): AttemptObservation {
      const traceparent = `00-${span.traceId}-000000000000000${resend + 1}-01`;
      const attempt: RecordedAttempt = { resend, traceparent, status: undefined, passed: 0, ends: [] };
      attempts.push(attempt);
      return {
        traceparent,
        responded: (status) => {
          attempt.status = status;
        },
        passed: (chunk) => {
          attempt.passed += chunk.length;
        },
        ended: (end, failure) => {
          attempt.ends.push([end, failure?.reason]);
        },
      };
    },
    replied: () => {},
    refused: () => {},
  };
}
