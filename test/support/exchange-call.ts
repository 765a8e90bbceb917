// A permitted call as the broker sees it: an agent asks for a model on behalf of a user. Change what the story needs.

import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Secret } from '../../src/base/secret.ts';
import type { Observation, PermittedCall } from '../../src/call.ts';
import type { Actor, DelegationChain, VerifiedToken } from '../../src/principal.ts';
import { recordingObservation } from './exchange-observation.ts';

export interface CallStory {
  readonly subject: VerifiedToken;
  /** The caller's token; left out when the caller is the subject. */
  readonly actor?: VerifiedToken;
  readonly scopes?: readonly string[];
  readonly route?: string;
  readonly observation?: Observation;
  /** Replaces facts of the finished call. */
  readonly changes?: Partial<PermittedCall>;
}

export function permittedCall(story: CallStory): PermittedCall {
  const { subject, actor } = story;
  const caller = actor ?? subject;
  const request = new IncomingMessage(new Socket());
  return {
    id: 'call-1',
    at: 0,
    method: 'POST',
    target: '/openai/v1/chat/completions',
    rawHeaders: [],
    peer: { address: '127.0.0.1', port: 50_000, spiffeId: undefined },
    transport: { kind: 'http', request, response: new ServerResponse(request) },
    observation: story.observation ?? recordingObservation(),
    headers: [],
    path: '/openai/v1/chat/completions',
    authority: undefined,
    presented: [],
    subprotocols: [],
    caller: caller.principal,
    subject: subject.principal,
    chain: chainOf(subject, actor),
    subjectToken: subject,
    actorToken: actor,
    binding: actor === undefined ? 'self' : 'audience',
    route: {
      id: story.route ?? 'openai',
      preset: 'openai',
      pattern: '/openai/*',
      dialect: 'openai',
      provider: 'openai',
      owners: { issuance: undefined, policy: undefined },
    },
    upstream: { origin: 'https://api.openai.com', path: '/v1/chat/completions' },
    facts: {
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
    },
    body: { kind: 'none' },
    decision: { rule: 'small-models', policyVersion: 'v1' },
    scopes: story.scopes ?? ['model.invoke'],
    ...story.changes,
  };
}

/** A token that names its subject and proves nothing, for stories in which no issuer looks at it. */
export function unverified(sub: string, changes: Partial<VerifiedToken> = {}): VerifiedToken {
  return {
    token: new Secret(`token-of-${sub}`),
    principal: { kind: 'user', iss: 'https://idp.example.com', sub, claims: {} },
    actors: [],
    audiences: ['postern'],
    scopes: undefined,
    mayAct: undefined,
    expiresAt: 4_000_000_000,
    jti: undefined,
    txn: undefined,
    trust: 'corp',
    ...changes,
  };
}

function chainOf(subject: VerifiedToken, actor: VerifiedToken | undefined): DelegationChain {
  const prior = subject.actors;
  const actors: readonly Actor[] = actor === undefined ? prior : [actorOf(actor), ...prior];
  return { subject: subject.principal, actors, prior, rootId: 'root-1' };
}

function actorOf({ principal: { iss, sub } }: VerifiedToken): Actor {
  return { iss, sub, claims: { iss, sub } };
}
