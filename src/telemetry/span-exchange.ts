// The token_exchange span: one real round trip to an issuer. A cache hit has none, it links to the one that filled the cache.
// Never carries a token, a client's secret, or what the issuer wrote beyond its error code.

import type { Attributes } from '@opentelemetry/api';
import type { Refusal } from '../base/errors.ts';
import type { CredentialFacts, ExchangeStart } from '../call.ts';
import { bounded, boundedOptional } from './bounded.ts';
import { bareUrl, serverAddress } from './upstream-address.ts';

export const exchangeSpanName = 'token_exchange';

/** Longest scope list, in characters (otel.md 7.2). */
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

export function exchangeAttributes(start: ExchangeStart, end: ExchangeEnd, delegation: Attributes): Attributes {
  const { address, port } = serverAddress(start.endpoint);
  const { facts, refusal } = end;
  const oauthError = oauthErrorOf(end);
  return {
    'http.request.method': 'POST',
    'server.address': address,
    'server.port': port,
    'url.full': bounded(bareUrl(start.endpoint), maxName),
    'error.type': refusal === undefined ? undefined : (oauthError ?? refusal.reason),
    'postern.exchange.name': start.exchange,
    'postern.exchange.outcome': exchangeOutcome(end),
    'postern.denial.reason': refusal?.reason,
    'postern.oauth.error': oauthError,
    'postern.token.grant': start.grant,
    'postern.token.requested_audience': boundedOptional(start.audience, maxName),
    'postern.token.scopes_requested': scopeText(start.scopes),
    'postern.token.cache.result': 'miss',
    ...(facts === undefined ? undefined : issuedAttributes(facts)),
    ...delegation,
  };
}

function issuedAttributes(facts: CredentialFacts): Attributes {
  const granted = facts.scopesGranted;
  return {
    'postern.credential.kind': facts.kind,
    'postern.token.issuer': boundedOptional(facts.issuer, maxName),
    'postern.token.scopes_granted': granted === undefined ? undefined : scopeText(granted),
    'postern.token.scope_reduced':
      granted !== undefined && facts.scopesRequested.some((scope) => !granted.includes(scope)),
    'postern.token.expires_in': facts.lifetime,
    'postern.token.id_hash': facts.idHash,
    'postern.token.verification': facts.verification.mode,
  };
}

function scopeText(scopes: readonly string[]): string {
  return bounded(scopes.join(' '), maxScopes);
}
