// The path of a call in to the agent: the same pipeline as on the way out, with one route, whose upstream is the agent and whose
// credential is a handle for the caller's token. Also tells which outbound routes take their subject from such a call's trace.
// Must never lead anywhere but to the agent on this machine, nor hand it a token.

import { createAddressPolicy } from '../base/addresses.ts';
import { Refusal } from '../base/errors.ts';
import type { Clock, Log } from '../base/ports.ts';
import type { Report } from '../base/problem.ts';
import type { ArmedCall, Stages, StrippedCall } from '../call.ts';
import { type Config, inboundRoute, routeId } from '../config/schema.ts';
import { createForward, type Forwarding } from '../forwarding/forward.ts';
import type { Custody } from '../identity/custody.ts';
import { createHandOver } from '../identity/hand-over.ts';
import type { Identity } from '../identity/identify.ts';
import { createStrip } from '../identity/strip.ts';
import { createRefuse } from '../listeners/refuse.ts';
import type { Carry } from '../pipeline.ts';
import { createPermit } from '../policy/permit.ts';
import { maxChainDepth } from '../policy/schema.ts';
import { type Catalogue, compileCatalogue } from '../routing/catalogue.ts';
import type { Preset } from '../routing/preset-schema.ts';
import { createRoute } from '../routing/route.ts';
import { canonicalTarget } from '../routing/target.ts';
import type { Telemetry } from '../telemetry/observe.ts';
import { readTraceparent } from '../telemetry/trace-context.ts';
import type { Gate } from './gate.ts';
import type { Assemble } from './recorded.ts';
import type { Revocations } from './revocations.ts';
import { forwardRoute } from './routes.ts';

type InboundConfig = Config['inbound'] & object;

/** Besides those of any HTTP API: what protocols between agents say in headers. */
const protocolHeaders = ['a2a-*', 'mcp-*', 'last-event-id', 'cache-control'];

export interface InboundPath {
  readonly stages: Omit<Stages, 'observe'>;
  /** Ends the live calls that `why` gives a reason for. @returns how many */
  end: Forwarding['end'];
  /** Whether each call has to begin a trace of its own: its subject is then found by that trace, and a proof beside it. */
  readonly ownTrace: boolean;
  /** Lets live calls end. */
  close(): Promise<void>;
  /** Cuts them. */
  closeNow(): Promise<void>;
}

export interface InboundOptions {
  readonly config: Config;
  readonly presets: ReadonlyMap<string, Preset>;
  readonly identity: Identity;
  readonly custody: Custody;
  /** Why a call may not go on. */
  readonly revoked?: Revocations['refusalOf'];
  readonly clock: Clock;
  readonly log: Log;
  readonly report: Report;
}

/** @returns undefined where nothing comes in */
export function compileInbound(options: InboundOptions): InboundPath | undefined {
  const { inbound, routes } = options.config;
  if (inbound === undefined) return undefined;
  const { identity, custody, clock, log, report, presets } = options;
  const catalogue = compileCatalogue({
    presets,
    routes: [routeOf(inbound)],
    report: (problem) => report({ ...problem, path: ['inbound', ...problem.path.slice(2)] }),
  });
  const revoked = options.revoked && { revoked: options.revoked };
  const { permit } = createPermit({ routes: [policyOf(inbound)], ...revoked, clock, report });
  const forwarding = createForward({
    routes: catalogue.routes.map(({ spec }) => ({ ...forwardRoute({ spec }), mcp: true, relayUnauthorized: true })),
    addresses: createAddressPolicy({ allow: ['127.0.0.0/8', '::1/128'] }),
    rearm: refuseAgain,
    rewriteMeta: (body) => body,
    ...revoked,
    clock,
    log,
  });
  const { trace_grace: graceMs } = inbound;
  const ownTrace = routes.some(({ subject_from: from }) => from === 'trace');

  async function forward(call: ArmedCall) {
    if (!ownTrace) return forwarding.forward(call);
    const { tracestate, ended } = custody.traces.begin(call.observation.span.traceId, call.subjectToken, graceMs);
    return forwarding.forward(call, tracestate).finally(ended);
  }

  return {
    stages: {
      strip: createStrip(),
      identify: identity.receive,
      route: createRoute({ catalogue }),
      permit,
      arm: createHandOver({ handles: custody.handles, ttlMs: inbound.handle_ttl, clock }),
      forward,
      refuse: createRefuse(catalogue),
    },
    end: forwarding.end,
    ownTrace,
    close: forwarding.close,
    closeNow: forwarding.closeNow,
  };
}

/** Carries calls in to the agent; where a reload took the way in away, refuses them, recorded like any other. */
export function inboundPipeline(
  { inbound, stages }: Gate,
  { observe, observeApart }: Telemetry,
  assemble: Assemble,
): Carry {
  if (inbound === undefined) return assemble({ ...stages, observe, strip: refuseAll });
  return assemble({ ...inbound.stages, observe: inbound.ownTrace ? observeApart : observe });
}

function refuseAll(): never {
  throw new Refusal('route_unmatched', { detail: 'nothing comes in through this gate any more' });
}

/** Asked by identity before the call is routed: the same canonical path meets the same catalogue as in the route stage. */
export function traceSubjects(
  config: Config,
  catalogue: Catalogue,
): ((call: StrippedCall) => string | undefined) | undefined {
  const names = new Set(config.routes.flatMap((route) => (route.subject_from === 'trace' ? [routeId(route)] : [])));
  if (names.size === 0) return undefined;
  return ({ path, authority, rawHeaders }) => {
    const found = catalogue.match(canonicalTarget(path, catalogue.encodedSlashes).path, authority);
    if (found === undefined || !names.has(found.spec.id)) return undefined;
    return readTraceparent(rawHeaders)?.traceId ?? '';
  };
}

function routeOf({
  agent,
  headers,
  ...inbound
}: InboundConfig): Parameters<typeof compileCatalogue>[0]['routes'][number] {
  const { timeouts, max_connections, response_guard, websocket } = inbound;
  return {
    ...{ preset: 'http', name: inboundRoute, path: '/', upstream: agent },
    headers: { ...headers, forward: [...protocolHeaders, ...headers.forward] },
    ...{ timeouts, max_connections, response_guard, websocket: websocket ?? false },
    ...{ http2: false, insecure_plain_http: false, inspection_limit: 0 },
  };
}

/** Who may be spoken for is the identity's question here (`on_behalf_of`); how deep a chain may go, the outbound route's. */
function policyOf({ allow }: InboundConfig) {
  return {
    ...{ id: inboundRoute, path: ['inbound'], allow, on_behalf_of: 'optional' as const },
    limits: { chain_depth: maxChainDepth, token_ttl: 0 },
  };
}

/** The agent does not judge handles: there is no other one to try. */
async function refuseAgain(): Promise<never> {
  throw new Refusal('upstream_rejected_credential', { detail: 'the agent refused the handshake' });
}
