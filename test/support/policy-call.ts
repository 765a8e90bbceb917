// A routed call as policy sees it: a research agent asks for a model on behalf of a user. Change what the story needs.

import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Secret } from '../../src/base/secret.ts';
import type { Observation, RequestFacts, RoutedCall } from '../../src/call.ts';
import type { Actor, JsonObject, Principal, VerifiedToken } from '../../src/principal.ts';

export interface PolicyWorld {
  readonly caller?: Partial<Principal>;
  /** Left out: the user. `null`: the caller acts for itself. */
  readonly subject?: Partial<Principal> | null;
  /** Actors before the caller, most recent first. */
  readonly prior?: readonly Actor[];
  readonly facts?: Partial<RequestFacts>;
  readonly route?: string;
}

const issuer = 'https://idp.example.com';

export const agent: Principal = {
  kind: 'workload',
  iss: issuer,
  sub: 'spiffe://corp/ns/research/sa/reader',
  claims: { groups: ['research', 'eu'], tier: 2, ratio: 0.5 },
};

export const user: Principal = { kind: 'user', iss: issuer, sub: 'alice', claims: { email: 'alice@example.com' } };

export function actor(sub: string, iss: string | undefined = issuer): Actor {
  return { sub, iss, claims: { sub } };
}

export function routedCall(world: PolicyWorld = {}): RoutedCall {
  const caller = { ...agent, ...world.caller };
  const subject = world.subject === null ? caller : { ...user, ...world.subject };
  const prior = world.prior ?? [];
  const actors = subject === caller ? prior : [actor(caller.sub, caller.iss), ...prior];
  const request = new IncomingMessage(new Socket());
  return {
    id: 'call-1',
    at: 0,
    method: 'POST',
    target: '/openai/v1/chat/completions',
    rawHeaders: [],
    peer: { address: '127.0.0.1', port: 50_000, spiffeId: undefined },
    transport: { kind: 'http', request, response: new ServerResponse(request) },
    observation: silent,
    headers: [],
    path: '/openai/v1/chat/completions',
    authority: undefined,
    presented: [],
    subprotocols: [],
    caller,
    subject,
    chain: { subject, actors, prior, rootId: 'root-1' },
    subjectToken: tokenOf(subject),
    actorToken: subject === caller ? undefined : tokenOf(caller),
    binding: subject === caller ? 'self' : 'audience',
    route: {
      id: world.route ?? 'openai',
      preset: 'openai',
      pattern: '/openai/*',
      dialect: 'openai',
      provider: 'openai',
      owners: { issuance: undefined, policy: undefined },
    },
    upstream: { origin: 'https://api.openai.com', path: '/v1/chat/completions' },
    facts: { ...requestFacts, ...world.facts },
    body: { kind: 'none' },
  };
}

/** Claims as they come out of a token: parsed from JSON text, so that names such as `__proto__` are own entries. */
export function claimsFrom(json: string): JsonObject {
  return JSON.parse(json);
}

const requestFacts: RequestFacts = {
  method: 'POST',
  path: '/v1/chat/completions',
  operation: 'chat',
  model: 'gpt-5-mini',
  tool: undefined,
  stream: true,
  resource: undefined,
  rpcId: undefined,
  mcpSession: undefined,
  mcpVersion: undefined,
};

function tokenOf(principal: Principal): VerifiedToken {
  return {
    token: new Secret('token'),
    principal,
    actors: [],
    audiences: ['postern'],
    scopes: undefined,
    mayAct: undefined,
    expiresAt: 4_000_000_000,
    jti: undefined,
    txn: undefined,
    trust: 'corp',
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
