// Calls at every stage of the path, made by hand: one valid world (agent planner, for a user, asks a model API), and
// overrides for the one fact a test is about. Every secret in it is a canary the leak tests look for.

import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Secret } from '../../src/base/secret.ts';
import type {
  ArmedCall,
  Arrival,
  KnownCall,
  ObservedCall,
  PermittedCall,
  RawHeaders,
  Reply,
  RequestFacts,
  Route,
  RoutedCall,
  StrippedCall,
} from '../../src/call.ts';
import type { Credential, CredentialFacts, SpanReference } from '../../src/credential.ts';
import type { Actor, Principal, VerifiedToken } from '../../src/principal.ts';

/** 2026-11-21T12:00:00Z, in milliseconds. */
export const arrivedAt = 1_795_262_400_000;

/** Strings that must never be seen outside the call: each in a place where a real secret would be. */
export const canaries = {
  agentToken: 'canary-agent-token-7f1d',
  userToken: 'canary-user-token-93ab',
  issuedToken: 'canary-issued-token-c0de',
  queryKey: 'canary-query-key-5e7a',
  cookie: 'canary-cookie-11aa',
  rawJti: 'canary-jti-of-subject-token',
  mcpSession: 'canary-mcp-session-id',
  userEmail: 'canary.user@example.com',
  prompt: 'canary-prompt-text',
  completion: 'canary-completion-text',
} as const;

export const planner = 'spiffe://corp/agent/planner';
export const coder = 'spiffe://corp/agent/coder';
const issuer = 'https://idp.example.com';
const prompt = Buffer.from(`{"prompt":"${canaries.prompt}"}`);

export interface World {
  readonly rawHeaders?: RawHeaders;
  readonly method?: string;
  readonly target?: string;
  /** Subs of actors, outermost first; [] for a caller acting for itself. */
  readonly actors?: readonly string[];
  readonly subject?: Principal;
  readonly jti?: string;
  readonly txn?: string;
  readonly rootId?: string;
  readonly route?: Partial<Route>;
  readonly facts?: Partial<RequestFacts>;
  readonly upstreamPath?: string;
  readonly credential?: Partial<CredentialFacts>;
  readonly cache?: ArmedCall['cache'];
}

export function arrival(world: World = {}): Arrival {
  const request = new IncomingMessage(new Socket());
  return {
    id: '0198f2a0-0000-7000-8000-000000000001',
    at: arrivedAt,
    method: world.method ?? 'POST',
    target: world.target ?? `/openai/v1/chat/completions?key=${canaries.queryKey}`,
    rawHeaders: world.rawHeaders ?? [
      'Authorization',
      `Bearer ${canaries.agentToken}`,
      'Cookie',
      `session=${canaries.cookie}`,
      'Postern-Subject-Token',
      canaries.userToken,
    ],
    peer: { address: '127.0.0.1', port: 50_123, spiffeId: undefined },
    transport: { kind: 'http', request, response: new ServerResponse(request) },
  };
}

export function stripped(call: ObservedCall, world: World = {}): StrippedCall {
  return {
    ...call,
    headers: ['content-type', 'application/json'],
    path: (world.target ?? '/openai/v1/chat/completions').split('?')[0] ?? '/',
    authority: 'postern.local',
    presented: [
      { slot: 'header:authorization', scheme: 'bearer', value: new Secret(canaries.agentToken) },
      { slot: 'query:key', scheme: undefined, value: new Secret(canaries.queryKey) },
    ],
    subprotocols: [],
  };
}

export const user: Principal = { kind: 'user', iss: issuer, sub: canaries.userEmail, claims: {} };

export function workload(sub: string): Principal {
  return { kind: 'workload', iss: issuer, sub, claims: {} };
}

export function known(call: StrippedCall, world: World = {}): KnownCall {
  const subs = world.actors ?? [planner];
  const actors = subs.map((sub): Actor => ({ sub, iss: issuer, claims: { sub } }));
  const subject = world.subject ?? user;
  const caller = subs[0] === undefined ? subject : workload(subs[0]);
  return {
    ...call,
    caller,
    subject,
    chain: { subject, actors, prior: actors.slice(1), rootId: world.rootId ?? 'root-1' },
    subjectToken: token(subject, world),
    actorToken: subs.length === 0 ? undefined : token(caller, {}),
    binding: subs.length === 0 ? 'self' : 'audience',
  };
}

function token(principal: Principal, { jti, txn }: World): VerifiedToken {
  return {
    token: new Secret(canaries.userToken),
    principal,
    actors: [],
    audiences: ['postern'],
    scopes: undefined,
    mayAct: undefined,
    expiresAt: arrivedAt / 1_000 + 600,
    jti,
    txn,
    trust: 'corp',
  };
}

export function routed(call: KnownCall, world: World = {}): RoutedCall {
  return {
    ...call,
    route: {
      id: 'openai',
      preset: 'openai',
      pattern: '/openai/*',
      dialect: 'openai',
      provider: 'openai',
      owners: { issuance: 'team-iam', policy: 'team-research' },
      ...world.route,
    },
    upstream: {
      origin: 'https://api.openai.com',
      path: world.upstreamPath ?? `/v1/chat/completions?api_key=${canaries.queryKey}`,
    },
    facts: {
      method: 'POST',
      path: '/v1/chat/completions',
      operation: 'chat',
      model: 'gpt-5-mini',
      tool: undefined,
      stream: undefined,
      resource: undefined,
      rpcId: undefined,
      mcpSession: undefined,
      mcpVersion: undefined,
      ...world.facts,
    },
    body: { kind: 'buffered', length: prompt.length, bytes: prompt },
  };
}

export function permitted(call: RoutedCall): PermittedCall {
  return {
    ...call,
    decision: { rule: 'research-small-models', policyVersion: 'pv-1' },
    scopes: ['model.invoke', 'model.read'],
  };
}

export function credentialFacts(world: World = {}): CredentialFacts {
  return {
    kind: 'exchanged',
    exchange: 'corp',
    grant: 'token_exchange',
    issuer,
    audience: 'https://api.openai.com',
    scopesRequested: ['model.invoke', 'model.read'],
    scopesGranted: ['model.invoke'],
    expiresAt: arrivedAt / 1_000 + 300,
    lifetime: 300,
    fingerprint: 'f1f2f3f4f5f6f7f8',
    idHash: 'issued-id-hash',
    verification: { mode: 'strict', findings: [] },
    issued: undefined,
    issuedIn: undefined,
    ...world.credential,
  };
}

export function armed(call: PermittedCall, world: World = {}): ArmedCall {
  const credential: Credential = {
    secret: new Secret(canaries.issuedToken),
    placement: { kind: 'header', name: 'authorization', prefix: 'Bearer ' },
    facts: credentialFacts(world),
  };
  return { ...call, credential, cache: world.cache ?? 'miss' };
}

export function reply(call: ArmedCall, changes: Partial<Omit<Reply, 'call'>> = {}): Reply {
  return {
    status: 200,
    end: 'complete',
    bytesSent: 42,
    bytesReceived: 99,
    upstreamRequestId: 'req_upstream_1',
    ...changes,
    call,
  };
}

/** A call observed and brought as far as policy. */
export function permittedCall(observe: (call: Arrival) => ObservedCall, world: World = {}): PermittedCall {
  return permitted(routed(known(stripped(observe(arrival(world)), world), world), world));
}

export function armedCall(observe: (call: Arrival) => ObservedCall, world: World = {}): ArmedCall {
  return armed(permittedCall(observe, world), world);
}

/** One whole call: an exchange on a cache miss, one attempt, one answer. */
export function carryOut(observe: (call: Arrival) => ObservedCall, world: World = {}): WholeCall {
  const call = permittedCall(observe, world);
  let issuedIn: SpanReference | undefined = world.credential?.issuedIn;
  let exchangeTraceparent: string | undefined;
  if (world.cache === undefined || world.cache === 'miss') {
    const exchange = call.observation.exchangeStarted(call, {
      exchange: 'corp',
      grant: 'token_exchange',
      endpoint: 'https://idp.example.com/token?tenant=a',
      audience: 'https://api.openai.com',
      scopes: ['model.invoke', 'model.read'],
    });
    issuedIn = exchange.span;
    exchangeTraceparent = exchange.traceparent;
    exchange.succeeded(credentialFacts({ ...world, credential: { ...world.credential, issuedIn } }));
  }
  const ready = armed(call, { ...world, credential: { ...world.credential, issuedIn } });
  const attempt = ready.observation.attemptStarted(ready, 0);
  attempt.responded(200, ['content-type', 'application/json']);
  attempt.ended('complete');
  ready.observation.replied(reply(ready));
  return { call: ready, exchangeTraceparent, attemptTraceparent: attempt.traceparent };
}

export interface WholeCall {
  readonly call: ArmedCall;
  readonly exchangeTraceparent: string | undefined;
  readonly attemptTraceparent: string;
}
