// The credential of one hop: where it goes and what can be told of it. Types only, no behaviour.
// Facts never hold the value: they go into spans, metrics and audit records.

import type { Secret } from './base/secret.ts';
import type { Actor } from './principal.ts';

/** How a credential is put on the outgoing request. */
export type Placement =
  | { readonly kind: 'header'; readonly name: string; readonly prefix: string }
  | { readonly kind: 'query'; readonly name: string }
  /** AWS keys, which sign the request (Signature Version 4) and are not sent. */
  | { readonly kind: 'sigv4'; readonly service: string; readonly region: string }
  /** A token bound to a key: `Authorization: DPoP`, and a proof of the key for every request (RFC 9449). */
  | { readonly kind: 'dpop' }
  | { readonly kind: 'none' };

/** `handle`: towards the agent behind an inbound listener; opens nothing but this gate. */
export type CredentialKind = 'exchanged' | 'client_credentials' | 'static' | 'handle' | 'none';
export type CacheResult = 'hit' | 'miss' | 'coalesced' | 'bypass';

/** What can be told of a credential: never the value. */
export interface CredentialFacts {
  readonly kind: CredentialKind;
  readonly exchange: string;
  readonly grant: string;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly scopesRequested: readonly string[];
  readonly scopesGranted: readonly string[] | undefined;
  /** Seconds since the epoch; undefined for standing credentials. */
  readonly expiresAt: number | undefined;
  /** Seconds from issue to expiry; undefined for standing credentials. */
  readonly lifetime: number | undefined;
  readonly fingerprint: string;
  /** Thumbprint (RFC 7638) of the key it is bound to (RFC 9449); absent where whoever holds it can use it. */
  readonly boundTo?: string;
  /** Truncated digest of the issued `jti`, where there is one. */
  readonly idHash: string | undefined;
  /** What verification of the issued token found: `strict` passed, or in record mode the reasons that did not hold. */
  readonly verification: Verification;
  /** Claims of the issued token that were checked, where it is a readable JWT. */
  readonly issued: IssuedClaims | undefined;
  /** Span of the exchange that issued it, for links. */
  readonly issuedIn: SpanReference | undefined;
  /**
   * The tokens it was traded for, first to last, where the exchange has several legs: what a vendor's opaque credential
   * cannot say (who acts for whom) was verified in these.
   */
  readonly via?: readonly CredentialFacts[];
}

export interface IssuedClaims {
  readonly sub: string | undefined;
  readonly audiences: readonly string[];
  readonly actors: readonly Actor[];
}

export interface Verification {
  readonly mode: 'strict' | 'record' | 'not_applicable';
  readonly findings: readonly string[];
}

export interface SpanReference {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

export interface Credential {
  /** undefined only for placement `none`. */
  readonly secret: Secret | undefined;
  readonly placement: Placement;
  readonly facts: CredentialFacts;
}
