// Compares the token an issuer returned with what was asked. RFC 8693 lets an issuer ignore `actor_token`, leave out `act`
// and widen scope, and several do (Keycloak standard exchange issues no `act`). Pure; `now` is passed in.
// The signature is not verified: the token came straight from the issuer over TLS, and its audience verifies it. So these
// checks stop an issuer that did otherwise than it was asked, not one that lies.

import type { Reason } from '../base/errors.ts';
import type { IssuedClaims } from '../credential.ts';
import type { Actor } from '../principal.ts';
import { readActors } from './act.ts';
import type { Issued, TokenClaims } from './grant.ts';
import { readPayload, typOf } from './readable.ts';
import { accessTokenType, idJagType, isTypeAskedFor } from './token-type.ts';

/** Seconds by which clocks may differ before a lifetime counts as longer than allowed. */
const leeway = 5;

/** `typ` of an ID-JAG (draft-ietf-oauth-identity-assertion-authz-grant, section 4.1). */
const idJagHeader = 'oauth-id-jag+jwt';

export interface Expected {
  /** Every audience and resource asked for. */
  readonly audiences: readonly string[];
  readonly scopes: readonly string[];
  readonly requestedTokenType: string | undefined;
  /** Seconds; undefined for no limit. */
  readonly maxLifetime: number | undefined;
  /** Who the token speaks for and through whom; undefined for the gate's own identity, which belongs to no chain. */
  readonly chain: { readonly sub: string; readonly actors: readonly Actor[] } | undefined;
}

/** `opaque`: not a JWT, so nothing in it can be compared. The others are reasons to refuse. */
export type Finding = 'opaque' | Extract<Reason, `issued_${string}`>;

export interface Verified {
  /** What did not hold, gravest first. */
  readonly findings: readonly Finding[];
  readonly claims: IssuedClaims | undefined;
  /** Seconds since the epoch: the sooner of `exp` and `expires_in`; undefined when neither is told. */
  readonly expiresAt: number | undefined;
  readonly scopes: readonly string[] | undefined;
  readonly jti: string | undefined;
}

/** When and by what else than the token itself it is judged. */
export interface Circumstances {
  /** Seconds since the epoch when the token was asked for; `expires_in` counts from there. */
  readonly askedAt: number;
  /** Seconds since the epoch. */
  readonly now: number;
  /** What the issuer says of an opaque token (RFC 7662); a readable one speaks for itself. */
  readonly introspected?: TokenClaims | undefined;
}

export function verify(issued: Issued, expected: Expected, { askedAt, now, introspected }: Circumstances): Verified {
  const payload = readPayload(issued.token) ?? introspected;
  const actors = payload === undefined ? [] : readActors(payload['act']);
  const scopes = issued.scopes ?? scopesOf(payload);
  const expiresAt = sooner(payload?.exp, issued.expiresIn === undefined ? undefined : askedAt + issued.expiresIn);

  const findings: Finding[] = [];
  const expect = (holds: boolean, otherwise: Finding) => {
    if (!holds) findings.push(otherwise);
  };
  expect(expiresAt === undefined || expiresAt > now, 'issued_token_expired');
  expect(isOfTypeAskedFor(issued, expected.requestedTokenType), 'issued_token_type_refused');
  if (payload === undefined) expect(false, 'opaque');
  else {
    expect(isMeantFor(expected, audiencesOf(payload)), 'issued_audience_mismatch');
    if (expected.chain !== undefined) {
      // `sub` means something in its issuer's namespace; that a bridging issuer kept it is all that can be compared.
      expect(payload.sub === expected.chain.sub, 'issued_subject_changed');
      findings.push(...compareChain(actors, expected.chain.actors));
    }
    // Bound to another key it could not be used; bound to none, a thief could use it (RFC 9449 section 6.1).
    expect(issued.bound === undefined || thumbprintOf(payload) === issued.bound.thumbprint, 'issued_key_mismatch');
  }
  const granted = [...(issued.scopes ?? []), ...(scopesOf(payload) ?? [])];
  expect(isWithin(granted, expected.scopes), 'issued_scope_widened');
  expect(isShortEnough(expiresAt, expected.maxLifetime, now), 'issued_lifetime_too_long');

  const claims = payload && { sub: payload.sub, audiences: audiencesOf(payload), actors: actors ?? [] };
  return { findings, claims, expiresAt, scopes, jti: payload?.jti };
}

/**
 * What is not an access token (`N_A`) is taken only where something else was asked for, and nothing else passes for an
 * ID-JAG: an authorization server must not be handed another kind of token as one (RFC 8725 section 3.11).
 */
function isOfTypeAskedFor(issued: Issued, requested: string | undefined): boolean {
  if (!issued.isAccessToken && (requested === undefined || requested === accessTokenType)) return false;
  if (requested === idJagType && typOf(issued.token) !== idJagHeader) return false;
  return requested === undefined || isTypeAskedFor(issued.issuedTokenType, requested);
}

/**
 * Every audience asked for must be there. More may be: an issuer's own is often added, and its holder is not the agent.
 * An ID-JAG is for one authorization server alone.
 */
function isMeantFor({ audiences: asked, requestedTokenType }: Expected, audiences: readonly string[]): boolean {
  if (requestedTokenType === idJagType && audiences.length !== 1) return false;
  return asked.every((audience) => audiences.includes(audience));
}

/**
 * RFC 8693 section 4.1: the outermost actor is the current one, the nested ones are prior and carried on unchanged.
 * @param issued undefined for an `act` that cannot be read
 */
function compareChain(issued: readonly Actor[] | undefined, expected: readonly Actor[]): readonly Finding[] {
  if (issued === undefined) return ['issued_chain_changed'];
  const [current, ...prior] = expected;
  const [head, ...inner] = issued;
  if (current === undefined) return head === undefined ? [] : ['issued_chain_changed'];
  if (head === undefined || !isActor(head, current)) return ['issued_actor_missing'];
  const unchanged = inner.length === prior.length && inner.every((actor, at) => isSameActor(actor, prior[at]));
  return unchanged ? [] : ['issued_chain_changed'];
}

/** The issuer may name the current actor by `sub` alone (RFC 8693 section 4.1, examples). */
function isActor(issued: Actor, expected: Actor): boolean {
  return issued.sub === expected.sub && (issued.iss === undefined || issued.iss === expected.iss);
}

function isSameActor(issued: Actor, expected: Actor | undefined): boolean {
  return issued.sub === expected?.sub && issued.iss === expected.iss;
}

/** Where no scope was asked for, the issuer chooses (RFC 6749 section 3.3), and there is nothing to be wider than. */
function isWithin(granted: readonly string[], asked: readonly string[]): boolean {
  return asked.length === 0 || granted.every((scope) => asked.includes(scope));
}

function isShortEnough(expiresAt: number | undefined, maxLifetime: number | undefined, now: number): boolean {
  if (maxLifetime === undefined) return true;
  return expiresAt !== undefined && expiresAt - now <= maxLifetime + leeway;
}

/** `cnf.jkt` of a JWT, or of what introspection says (RFC 9449 sections 6.1 and 6.2). */
function thumbprintOf({ cnf }: TokenClaims): unknown {
  return typeof cnf === 'object' && cnf !== null && 'jkt' in cnf ? cnf.jkt : undefined;
}

function audiencesOf({ aud }: TokenClaims): readonly string[] {
  if (typeof aud === 'string') return [aud];
  return Array.isArray(aud) ? aud.filter((value) => typeof value === 'string') : [];
}

/** `scope` as one string (RFC 8693 section 4.2), or `scp` as Entra (string) and Okta (list) write it. */
function scopesOf(payload: TokenClaims | undefined): readonly string[] | undefined {
  const scope = payload?.['scope'] ?? payload?.['scp'];
  if (typeof scope === 'string') return scope.split(' ').filter((value) => value !== '');
  return Array.isArray(scope) ? scope.map(String) : undefined;
}

function sooner(a: number | undefined, b: number | undefined): number | undefined {
  if (typeof a !== 'number' || !Number.isFinite(a)) return b;
  return b === undefined ? a : Math.min(a, b);
}
