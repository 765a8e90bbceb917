// What forwarding needs to know of a route, as the composition root hands it over, and its compiled form.
// Nothing here changes per call except the counter of open tunnels.

import type { WriteRequestHeaders } from './headers.ts';
import type { PoolSlot } from './pools.ts';
import type { ReadResponseHead } from './response-headers.ts';

export interface ForwardRoute {
  readonly id: string;
  /** Scheme and authority of the upstream, e.g. `https://api.openai.com`. */
  readonly origin: string;
  /** Path of the upstream this route may never leave, without trailing slash; empty for the whole origin. */
  readonly upstreamBase: string;
  /** Path agents see in place of `upstreamBase`, without trailing slash, e.g. `/openai`; empty for routes matched by host. */
  readonly gatePath: string;
  /** Offer HTTP/2 to the upstream (https only) for calls with small bodies; costs about 1.3 times the CPU of HTTP/1.1. */
  readonly http2: boolean;
  /** The upstream speaks MCP: bind its sessions to callers, carry the trace in `_meta`. */
  readonly mcp: boolean;
  /** Search textual responses for the credential placed on the call. */
  readonly guard: boolean;
  /** Names of request headers passed on; `prefix-*` passes every name that begins with `prefix-`. */
  readonly forwardHeaders: readonly string[];
  /** Headers set on every request, in place of what the agent sent. */
  readonly setHeaders: Readonly<Record<string, string>>;
  /** Values added to comma-separated headers of the agent's (`anthropic-beta`), once each. */
  readonly appendHeaders?: Readonly<Record<string, string>>;
  readonly dropResponseHeaders: readonly string[];
  /** The upstream's 401 is meant for the caller, with its challenge: an agent that asks its user to sign in (RFC 9470). */
  readonly relayUnauthorized?: boolean;
  readonly timeouts: RouteTimeouts;
  /** Calls at once; as many again may wait for a connection, further ones are refused. Tunnels are counted apart. */
  readonly maxConnections: number;
}

export interface RouteTimeouts {
  /** Longest silence of upstream or client, in milliseconds: before the head, between chunks, and of tunnels. */
  readonly idleMs: number;
  /** Time to establish TCP and TLS, in milliseconds. */
  readonly connectMs: number;
}

export interface CompiledRoute extends ForwardRoute {
  readonly slot: PoolSlot;
  readonly writeHeaders: WriteRequestHeaders;
  readonly readHead: ReadResponseHead;
  /** Tunnels open now. */
  tunnels: number;
}
