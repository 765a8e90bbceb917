// The types a call passes through, from Arrival to Reply. No behaviour.
// Each stage returns the call with one more fact established; `forward` takes only an ArmedCall, so a skipped stage does
// not compile. Each `...Call` type is made in exactly one file (the architecture test holds this).

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Refusal } from './base/errors.ts';
import type { Secret } from './base/secret.ts';

/** Header lines as Node gives them: name, value, name, value ... in order, duplicates and case kept. */
export type RawHeaders = readonly string[];

/** A JSON value as read from outside. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

// ---------------------------------------------------------------------------------------------- Arrival

export interface HttpTransport {
  readonly kind: 'http';
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export interface UpgradeTransport {
  readonly kind: 'upgrade';
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** Bytes the client sent after its upgrade request. */
  readonly head: Buffer;
}

/** A request as it came in: nothing trusted, nothing removed. */
export interface Arrival {
  /** Our own request id (UUID); returned to the client as `x-request-id`. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly method: string;
  /** Request-target exactly as received: origin-form or absolute-form. */
  readonly target: string;
  readonly rawHeaders: RawHeaders;
  readonly peer: Peer;
  readonly transport: HttpTransport | UpgradeTransport;
}

export interface Peer {
  readonly address: string;
  readonly port: number;
  /** SPIFFE ID from a verified client certificate, where the listener asks for one. */
  readonly spiffeId: string | undefined;
}

/** An arrival that is being recorded: one span set, one audit record. */
export interface ObservedCall extends Arrival {
  readonly observation: Observation;
}

// ---------------------------------------------------------------------------------------------- strip

/** A credential the agent presented, taken out of the request. */
export interface PresentedCredential {
  /** Where it was: `header:authorization`, `query:key`, `cookie:session`, `subprotocol:...`, `userinfo`. Safe to print. */
  readonly slot: string;
  /** Authentication scheme in lower case where the slot has one (`bearer`, `basic`), else undefined. */
  readonly scheme: string | undefined;
  readonly value: Secret;
}

export interface StrippedCall extends ObservedCall {
  /** Header lines without credentials, hop-by-hop names and names the gate owns. */
  readonly headers: RawHeaders;
  /** Path and query of the target, credential parameters removed; not yet canonical. Starts with "/". */
  readonly path: string;
  /** Authority of an absolute-form target or of the Host header, without userinfo; undefined when absent. */
  readonly authority: string | undefined;
  readonly presented: readonly PresentedCredential[];
  /** WebSocket subprotocols offered, credential-bearing ones removed. */
  readonly subprotocols: readonly string[];
}

// ---------------------------------------------------------------------------------------------- identify

export type PrincipalKind = 'user' | 'workload';

/** Who an identity is: always (iss, sub), never sub alone. */
export interface Principal {
  readonly kind: PrincipalKind;
  readonly iss: string;
  readonly sub: string;
  /** Verified claims, for policy. */
  readonly claims: JsonObject;
}

/** A member of a delegation chain (RFC 8693 section 4.1): (iss, sub) where the token says both. */
export interface Actor {
  readonly sub: string;
  readonly iss: string | undefined;
  /** The actor object exactly as it stood in the token, without its nested `act`; carried on verbatim. */
  readonly claims: JsonObject;
}

/** A verified JWT of a trusted issuer. */
export interface VerifiedToken {
  readonly token: Secret;
  readonly principal: Principal;
  /** Actors the token itself names, outermost (most recent) first. */
  readonly actors: readonly Actor[];
  readonly audiences: readonly string[];
  /** Scope values of the token, in order; undefined when the token carries no scope claim. */
  readonly scopes: readonly string[] | undefined;
  readonly mayAct: JsonObject | undefined;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  readonly jti: string | undefined;
  /** `txn` of the token where it has one (transaction tokens, or tokens this gate had minted). */
  readonly txn: string | undefined;
  /** Name of the trust entry that verified it. */
  readonly trust: string;
}

/** How caller and subject were tied together: part of the audit record, since some ties are weaker than others. */
export type Binding =
  | 'self'
  | 'audience'
  | 'may_act'
  | 'sidecar'
  | 'caller_claim'
  | 'peer_certificate'
  /** A token this sidecar received and holds for its agent, named by handle or by the trace of the call it came with. */
  | 'handle'
  | 'trace'
  /** A transaction token, used by a workload of its trust domain. */
  | 'trust_domain'
  /** Inbound only: the token alone, which names subject and actors. */
  | 'bearer';

export interface DelegationChain {
  readonly subject: Principal;
  /** Actors of this hop, outermost first: the caller, then every prior actor. Empty when the caller is the subject. */
  readonly actors: readonly Actor[];
  /** Actors already in the subject token, outermost first: `actors` without the caller. */
  readonly prior: readonly Actor[];
  /** Joins every hop of one delegation across traces: `txn` where the subject token has one, else minted here. */
  readonly rootId: string;
}

export interface KnownCall extends StrippedCall {
  readonly caller: Principal;
  readonly subject: Principal;
  readonly chain: DelegationChain;
  /** The token that proves the subject; for a caller acting for itself, its own. */
  readonly subjectToken: VerifiedToken;
  /** The token that proves the actor; undefined when the caller is the subject. */
  readonly actorToken: VerifiedToken | undefined;
  readonly binding: Binding;
}

// ---------------------------------------------------------------------------------------------- route

/** Shape of error bodies and challenges the client's SDK understands. */
export type Dialect = 'openai' | 'anthropic' | 'gemini' | 'mcp' | 'problem';

export interface Owners {
  readonly issuance: string | undefined;
  readonly policy: string | undefined;
}

/** What every stage may know of a route; each stage keeps its own compiled part by `id`. */
export interface Route {
  readonly id: string;
  readonly preset: string | undefined;
  /** Path pattern as configured, e.g. `/openai/*`: the low-cardinality name for spans and metrics. */
  readonly pattern: string;
  readonly dialect: Dialect;
  /** `gen_ai.provider.name` where the route is a model API. */
  readonly provider: string | undefined;
  readonly owners: Owners;
}

/** What is asked of the upstream, read from method, path, headers or body where the preset says so. */
export interface RequestFacts {
  readonly method: string;
  /** Canonical path below the route, e.g. `/v1/chat/completions`. */
  readonly path: string;
  /** Operation as the preset names it (`chat`, `embeddings`, `tools/call`, `search` ...). */
  readonly operation: string | undefined;
  readonly model: string | undefined;
  readonly tool: string | undefined;
  readonly stream: boolean | undefined;
  /** Resource the operation is about (a collection, an MCP resource URI, a prompt). */
  readonly resource: string | undefined;
  readonly rpcId: string | undefined;
  readonly mcpSession: string | undefined;
  readonly mcpVersion: string | undefined;
}

export interface UpstreamTarget {
  /** Scheme and authority, e.g. `https://api.openai.com`. */
  readonly origin: string;
  /** Canonical path and query to send; never leaves the preset's base. */
  readonly path: string;
}

/** The request body. Buffered bodies can be sent twice (rule 4: replay after a 401), streams cannot. */
export type Body =
  | { readonly kind: 'none' }
  | { readonly kind: 'buffered'; readonly bytes: Buffer }
  | { readonly kind: 'stream'; readonly stream: IncomingMessage; readonly length: number | undefined };

export interface RoutedCall extends KnownCall {
  readonly route: Route;
  readonly upstream: UpstreamTarget;
  readonly facts: RequestFacts;
  readonly body: Body;
}

// ---------------------------------------------------------------------------------------------- permit

export interface Decision {
  /** Id of the rule that allowed the call. */
  readonly rule: string;
  /** Digest of the policy text in force. */
  readonly policyVersion: string;
}

export interface PermittedCall extends RoutedCall {
  readonly decision: Decision;
  /** Scopes this hop may ask for: the route's `scopes` or the first matching `scopes_by` line. */
  readonly scopes: readonly string[];
}

// ---------------------------------------------------------------------------------------------- arm

/** How a credential is put on the outgoing request. */
export type Placement =
  | { readonly kind: 'header'; readonly name: string; readonly prefix: string }
  | { readonly kind: 'query'; readonly name: string }
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

export interface ArmedCall extends PermittedCall {
  readonly credential: Credential;
  readonly cache: CacheResult;
}

// ---------------------------------------------------------------------------------------------- Reply

export type StreamEnd = 'complete' | 'client_abort' | 'upstream_error' | 'timeout' | 'drained';

export interface Reply {
  readonly status: number;
  readonly end: StreamEnd;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Value of the upstream's own request id header, where it has one. */
  readonly upstreamRequestId: string | undefined;
  /** The call as it was when it ended: after a re-issue (401), with the credential that was last used. */
  readonly call: ArmedCall;
}

// ---------------------------------------------------------------------------------------------- Observation

/** Trace context to send on an outgoing request (W3C). */
export interface TraceHeaders {
  readonly traceparent: string;
}

/** Records one call. Implemented by telemetry; given to every stage with the call. Never throws. */
export interface Observation {
  readonly span: SpanReference;
  /** A real round trip to an issuer begins. */
  exchangeStarted(call: PermittedCall, facts: ExchangeStart): ExchangeObservation;
  /** One attempt at the upstream begins; `resend` counts from 0. */
  attemptStarted(call: ArmedCall, resend: number): AttemptObservation;
  /** The call was forwarded and has ended. Once, and never together with `refused`. */
  replied(reply: Reply): void;
  /** The call was refused; `reached` is how far it came. */
  refused(reached: Arrival, refusal: Refusal): void;
}

export interface ExchangeStart {
  readonly exchange: string;
  readonly grant: string;
  readonly endpoint: string;
  readonly audience: string | undefined;
  readonly scopes: readonly string[];
}

export interface ExchangeObservation extends TraceHeaders {
  readonly span: SpanReference;
  succeeded(facts: CredentialFacts): void;
  failed(refusal: Refusal, oauthError: string | undefined): void;
}

export interface AttemptObservation extends TraceHeaders {
  /** Response head arrived. */
  responded(status: number, headers: RawHeaders): void;
  /** Response bytes passed by; must not hold, copy or change them. */
  passed(chunk: Buffer): void;
  ended(end: StreamEnd, failure?: Refusal): void;
}

/** Stage functions, named as the pipeline reads them. */
export interface Stages {
  observe(arrival: Arrival): ObservedCall;
  strip(call: ObservedCall): StrippedCall;
  identify(call: StrippedCall): Promise<KnownCall>;
  route(call: KnownCall): Promise<RoutedCall>;
  permit(call: RoutedCall): PermittedCall;
  arm(call: PermittedCall): Promise<ArmedCall>;
  forward(call: ArmedCall): Promise<Reply>;
  /** Answers a refused call in the dialect of its client. */
  refuse(reached: Arrival, refusal: Refusal): void;
}
