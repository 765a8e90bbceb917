// Decides one token exchange: may this client ask, are both tokens acceptable and tied together, is the target known,
// what scope and lifetime may the new token have. Plain data in, a grant out; no I/O, no clock.
// Must never grant more than every input allows: scope and lifetime are intersections, the chain only grows.

import { errors } from 'oidc-provider';
import type { JsonObject } from '../../principal.ts';
import type { StsClient } from '../clients.ts';
import { grantScopes } from '../oauth-scope.ts';
import type { OwnToken } from '../tokens.ts';
import { addressedTo, expectBound, growChain, type Party } from './delegation.ts';
import type { ExchangeRequest } from './parse.ts';

/** Scopes by audience, as configured; undefined for an audience without scopes of its own. */
export type StsAudiences = ReadonlyMap<string, readonly string[] | undefined>;

export interface ExchangeInputs {
  readonly request: ExchangeRequest;
  readonly client: StsClient;
  /** The verified subject token; undefined when it was not one of ours, or expired, or revoked. */
  readonly subject: OwnToken | undefined;
  /** The verified actor token, likewise; not looked at when the request has none. */
  readonly actor: OwnToken | undefined;
  readonly audiences: StsAudiences;
  readonly issuer: string;
  /** Seconds since the epoch. */
  readonly now: number;
  /** Lifetime of issued tokens, in seconds. */
  readonly ttl: number;
}

/** What may be issued. */
export interface ExchangeGrant {
  readonly subject: OwnToken;
  readonly audience: string;
  /** undefined: no scope claim. Empty: one that allows nothing, here and at every later hop. */
  readonly scopes: readonly string[] | undefined;
  readonly act: JsonObject | undefined;
  /** Seconds since the epoch. */
  readonly exp: number;
}

/** @throws errors.UnauthorizedClient, InvalidRequest, InvalidTarget, InvalidScope: RFC 8693 section 2.2.2, RFC 6749 section 5.2. */
export function checkExchange(inputs: ExchangeInputs): ExchangeGrant {
  const { request, client, audiences, issuer, now, ttl } = inputs;
  if (!client.mayExchange) throw new errors.UnauthorizedClient('this client may not exchange tokens');
  const subject = acceptable('subject_token', inputs.subject);
  const presenter: Party = { iss: issuer, sub: client.sub, clientId: client.id };

  const actor = request.actorToken === undefined ? undefined : acceptableActor(inputs.actor, presenter);
  if (actor === undefined) expectBound(subject, presenter, 'client');
  else expectBound(subject, actor, 'actor');

  const audience = targetOf(request, audiences);
  return {
    subject,
    audience,
    scopes: scopesFor(request.scope, subject, audiences.get(audience)),
    act: growChain(subject.act, actor),
    exp: Math.min(now + ttl, subject.exp, actor?.exp ?? subject.exp),
  };
}

function acceptable(name: string, token: OwnToken | undefined): OwnToken {
  if (token !== undefined) return token;
  throw new errors.InvalidRequest(`${name} is not a valid token of this issuer`);
}

/**
 * An actor token is the actor's own identity, handed to the client that presents it. One made for somebody else would let
 * whoever receives a token act as its bearer; one that is itself delegated would name its subject as the actor.
 */
function acceptableActor(token: OwnToken | undefined, presenter: Party): OwnToken {
  const actor = acceptable('actor_token', token);
  if (actor.act !== undefined) throw new errors.InvalidRequest('actor_token is not acceptable: it is itself delegated');
  if (!addressedTo(actor, presenter) && actor.clientId !== presenter.clientId) {
    throw new errors.InvalidRequest('actor_token is not acceptable: its aud does not contain the client');
  }
  return actor;
}

/** One token, one audience: several targets would let each of them use the token at the others (RFC 8707 section 2). */
function targetOf(request: ExchangeRequest, audiences: StsAudiences): string {
  const [target, ...others] = new Set(request.targets);
  if (target === undefined || !audiences.has(target)) throw new errors.InvalidTarget('the audience is unknown');
  if (others.length > 0) throw new errors.InvalidTarget('a token is issued for one audience at a time');
  return target;
}

/**
 * A scope claim is a limit for the whole chain: once a token carries one, so do all that are made from it. Dropping it at
 * an audience that has no scopes of its own would open everything again one hop later.
 */
function scopesFor(
  requested: string | undefined,
  { scopes: carried }: OwnToken,
  known: readonly string[] | undefined,
): readonly string[] | undefined {
  const ceiling = known === undefined ? (carried ?? []) : known.filter((scope) => carried?.includes(scope) ?? true);
  if (ceiling.length === 0 && known !== undefined && known.length > 0) {
    throw new errors.InvalidScope('subject_token carries no scope of this audience', requested ?? known.join(' '));
  }
  const granted = grantScopes(requested, ceiling);
  return carried === undefined && granted.length === 0 ? undefined : granted;
}
