// The types a call passes through, from Arrival to Reply. No behaviour.
// Each stage returns the call with one more fact established; `forward` takes only an ArmedCall, so a skipped stage does
// not compile. Each `...Call` type is made in exactly one file (the architecture test holds this).

import type { IncomingMessage } from 'node:http';
import type { Awaitable } from './base/awaitable.ts';
import type { Refusal } from './base/errors.ts';
import type { Secret } from './base/secret.ts';
import type { CacheResult, Credential, CredentialFacts, SpanReference } from './credential.ts';
import type { Binding, DelegationChain, Principal, VerifiedToken } from './principal.ts';
import type { HttpTransport, UpgradeTransport } from './transport.ts';

/** Header lines as Node gives them: name, value, name, value ... in order, duplicates and case kept. */
export type RawHeaders = readonly string[];

// ---------------------------------------------------------------------------------------------- Arrival

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
  /** Empty once the answer has begun. */
  readonly value: Secret;
}

export interface StrippedCall extends ObservedCall {
  /** Header lines without credentials, hop-by-hop names and names the gate owns. None once the answer has begun. */
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

/**
 * The request body. Buffered bodies can be sent twice (rule 4: replay after a 401), streams cannot. Once the answer has begun there
 * are no bytes any more.
 */
export type Body =
  | { readonly kind: 'none' }
  | { readonly kind: 'buffered'; readonly length: number; readonly bytes: Buffer }
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

export interface ArmedCall extends PermittedCall {
  readonly credential: Credential;
  readonly cache: CacheResult;
}

// ---------------------------------------------------------------------------------------------- Reply

export type StreamEnd = 'complete' | 'client_abort' | 'upstream_error' | 'timeout' | 'drained' | 'revoked';

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
  /** The endpoint that is asked, once it is known: the start could only name the issuer it is discovered from. */
  asked(endpoint: string): void;
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
  /** At once where nothing has to be waited for; so do `route` and `arm`. */
  identify(call: StrippedCall): Awaitable<KnownCall>;
  route(call: KnownCall): Awaitable<RoutedCall>;
  permit(call: RoutedCall): PermittedCall;
  arm(call: PermittedCall): Awaitable<ArmedCall>;
  forward(call: ArmedCall): Promise<Reply>;
  /** Answers a refused call in the dialect of its client. */
  refuse(reached: Arrival, refusal: Refusal): void;
}
