// The token_exchange span: one real round trip to an issuer. A cache hit has none, it links to the one that filled the cache.
// Never carries a token, a client's secret, or what the issuer wrote beyond its error code.

import { bounded, boundedOptional } from '../base/bounded.ts';
import type { Refusal } from '../base/errors.ts';
import { bareUrl, serverAddress } from '../base/upstream-address.ts';
import type { ExchangeStart } from '../call.ts';
import type { CredentialFacts } from '../credential.ts';
import type { AttributeWriter } from './otlp-attributes.ts';

export const exchangeSpanName = 'token_exchange';

/** Longest scope list, in characters. */
const maxScopes = 512;
const maxName = 256;

export type ExchangeEnd =
  | { readonly facts: CredentialFacts; readonly refusal?: never; readonly oauthError?: never }
  | { readonly facts?: never; readonly refusal: Refusal; readonly oauthError: string | undefined };

export type ExchangeOutcome = 'success' | 'denied' | 'error';

/** `denied`: the issuer said no to this caller or user; `error`: it, or what lies between, does not work. */
export function exchangeOutcome({ refusal }: ExchangeEnd): ExchangeOutcome {
  if (refusal === undefined) return 'success';
  return refusal.status < 500 ? 'denied' : 'error';
}

/** RFC 6749 section 5.2 error codes are few; whatever else an issuer writes there must not become a label. */
const errorCode = /^[a-z][a-z_]{1,63}$/;

export function oauthErrorOf({ oauthError }: ExchangeEnd): string | undefined {
  return oauthError !== undefined && errorCode.test(oauthError) ? oauthError : undefined;
}

/** All but postern.delegation.* */
export function writeExchangeAttributes(to: AttributeWriter, start: ExchangeStart, end: ExchangeEnd): void {
  const { address, port } = serverAddress(start.endpoint);
  const { facts, refusal } = end;
  const oauthError = oauthErrorOf(end);
  to.set('http.request.method', 'POST');
  to.set('server.address', address);
  to.set('server.port', port);
  to.set('url.full', bounded(bareUrl(start.endpoint), maxName));
  to.set('error.type', refusal === undefined ? undefined : (oauthError ?? refusal.reason));
  to.set('postern.exchange.name', start.exchange);
  to.set('postern.exchange.outcome', exchangeOutcome(end));
  to.set('postern.denial.reason', refusal?.reason);
  to.set('postern.oauth.error', oauthError);
  to.set('postern.token.grant', start.grant);
  to.set('postern.token.requested_audience', boundedOptional(start.audience, maxName));
  to.set('postern.token.scopes_requested', scopeText(start.scopes));
  to.set('postern.token.cache.result', 'miss');
  if (facts !== undefined) writeIssued(to, facts);
}

function writeIssued(to: AttributeWriter, facts: CredentialFacts): void {
  const granted = facts.scopesGranted;
  const reduced = granted !== undefined && facts.scopesRequested.some((scope) => !granted.includes(scope));
  to.set('postern.credential.kind', facts.kind);
  to.set('postern.token.issuer', boundedOptional(facts.issuer, maxName));
  to.set('postern.token.scopes_granted', granted === undefined ? undefined : scopeText(granted));
  to.set('postern.token.scope_reduced', reduced);
  to.set('postern.token.expires_in', facts.lifetime);
  to.set('postern.token.id_hash', facts.idHash);
  to.set('postern.token.verification', facts.verification.mode);
}

function scopeText(scopes: readonly string[]): string {
  return bounded(scopes.join(' '), maxScopes);
}
