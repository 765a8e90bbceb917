// The seam every grant fits: what is to be obtained for one hop (Hop), what would be asked (Input), what came back (Issued).
// A grant only asks. Cache, single flight, negative memory, refresh, verification and audit facts are the broker's, so that
// no grant can forget one of them. A Hop does not say where its subject token came from: a call's own token, that of a
// subject source, or the result of an earlier exchange, so any grant can be one leg of several.

import type { Clock, Log, Send } from '../base/ports.ts';
import type { Report } from '../base/problem.ts';
import type { Secret } from '../base/secret.ts';
import type { OpenWorkloadApi } from '../base/spiffe/workload-api.ts';
import type { CredentialKind } from '../credential.ts';
import type { JsonObject, PrincipalKind } from '../principal.ts';
import type { SubjectSource } from './source.ts';

/** A token that proves one party of a hop. */
export interface HopToken {
  readonly token: Secret;
  /** `call`: presented with the call, so that its agent can mend it. `gate`: of a subject source or an earlier leg. */
  readonly origin: 'call' | 'gate';
  /** What the token was verified to speak for; undefined where this gate did not verify it. */
  readonly principal: { readonly kind: PrincipalKind; readonly claims: JsonObject } | undefined;
}

/** One credential to obtain. */
export interface Hop {
  /** Id of the route the credential is for. */
  readonly route: string;
  readonly subject: HopToken;
  /** The caller's own token; undefined when the caller is the subject, or is known by other proof than a token. */
  readonly actor: HopToken | undefined;
  readonly audience: string | undefined;
  readonly resources: readonly string[];
  /** Sorted and without repeats: RFC 6749 section 3.3 gives their order no meaning. */
  readonly scopes: readonly string[];
  readonly requestedTokenType: string;
  /** Subject, then actors, outermost first, whatever tokens are sent; empty where the credential is the gate's own. */
  readonly parties: readonly Party[];
}

/** One party of a delegation chain, as identification established it. */
export interface Party {
  readonly iss: string | undefined;
  readonly sub: string;
}

/** What a route can ask for. A grant's `asks` are those it passes on; the others would be said to nobody. */
export type RouteAsk = 'audience' | 'resource' | 'scopes';

/** One parameter of the request, in order. All of them together decide the answer, so all of them are in the cache key. */
export type Input = readonly [name: string, value: string | Secret];

/** What an issuer gave. */
export interface Issued {
  readonly token: Secret;
  /** RFC 8693 section 2.2.1; undefined where the issuer does not say. */
  readonly issuedTokenType: string | undefined;
  /** Whether it can be used as a bearer access token: `token_type` is not `N_A` (RFC 8693 section 2.2.1). */
  readonly isAccessToken: boolean;
  /** Seconds; undefined where the issuer does not say, and for standing credentials. */
  readonly expiresIn: number | undefined;
  readonly scopes: readonly string[] | undefined;
  /** Where the token is bound to a key of this gate (RFC 9449): the key's thumbprint, and token and key as one secret. */
  readonly bound?: { readonly thumbprint: string; readonly secret: Secret };
}

/** What a token says: a JWT by itself, an opaque one through its issuer's introspection (RFC 7662). */
export interface TokenClaims {
  readonly iss?: string | undefined;
  readonly sub?: string | undefined;
  readonly aud?: string | readonly string[] | undefined;
  readonly exp?: number | undefined;
  readonly jti?: string | undefined;
  readonly [claim: string]: unknown;
}

export interface Occasion {
  /** W3C trace context of this round trip; undefined where none is made. */
  readonly traceparent: string | undefined;
  /** Told which endpoint is asked, where it was discovered. */
  readonly asked?: (endpoint: string) => void;
  /** The credential obtained before was rejected upstream: whatever was remembered of it must be looked up again. */
  readonly again: boolean;
}

/** One configured way to get a credential for a hop. */
export interface Grant extends GrantTraits {
  readonly type: string;
  /**
   * `exchanged`: belongs to one delegation chain. `client_credentials`: this gate's own, the same for every caller.
   * `static`: standing, neither cached nor refreshed.
   */
  readonly kind: Exclude<CredentialKind, 'none'>;
  readonly issuer: string | undefined;
  /** Where it is obtained, for people and for the cache key: a URL or a file path, never a secret. */
  readonly endpoint: string;
  readonly clientId: string | undefined;
  /** Whether what comes back can be a JWT whose claims are to be compared with what was asked. */
  readonly verifies: boolean;
  /** What would be asked; pure. */
  plan(hop: Hop): readonly Input[];
  /** Asks once. Throws a Refusal. */
  obtain(hop: Hop, occasion: Occasion): Promise<Issued>;
  /** Looks up what can be known before the first call (metadata, files). Throws a Refusal. */
  prepare(): Promise<void>;
}

/** What only some grants are. */
export interface GrantTraits {
  /** Whom its tokens are for, where the vendor decides and not the request: for the records. */
  readonly audience?: string | undefined;
  /** `aud` its subject token must carry: what the leg before asks for unless somebody said otherwise. */
  readonly subjectAudience?: string | undefined;
  /**
   * Its subject token is a grant (RFC 7523) and no credential: redeemed once, never twice, and what it gave may outlive it.
   * The tokens that came with the call bound the life all the same.
   */
  readonly spendsSubject?: boolean;
  /** Where the subject token comes from when it is not the call's: the gate's own identity, so `kind` is not `exchanged`. */
  readonly source?: SubjectSource | undefined;
  /** What its token is traded for before it is a credential: one more leg. */
  readonly next?: Grant | undefined;
  /** Values that calls with its token need in comma-separated headers of theirs. */
  readonly callHeaders?: Readonly<Record<string, string>>;
  /** The vendor takes its token as `Authorization: Bearer` only. */
  readonly bearerOnly?: boolean;
  /** What it gives are AWS keys, which are not sent: only a placement that signs can use them. */
  readonly signsOnly?: boolean;
  /** Its token is bound to a key of this gate, and goes with a proof on every call (RFC 9449). */
  readonly dpop?: boolean;
  /** Asks the issuer what an opaque token of its own says (RFC 7662). Throws a Refusal. */
  readonly introspect?: ((issued: Issued, occasion: Occasion) => Promise<TokenClaims>) | undefined;
}

export interface GrantPorts {
  readonly clock: Clock;
  readonly send: Send;
  readonly log: Log;
  /** The SPIFFE Workload API, by its socket. */
  readonly workload: OpenWorkloadApi;
  /** Takes paths below this exchange's own entry. */
  readonly report: Report;
  /** Subject sources by name. */
  readonly sources: ReadonlyMap<string, SubjectSource>;
}
