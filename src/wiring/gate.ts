// One configuration, compiled: every stage of the pipeline and what they share. A reload compiles a second gate beside the
// first and swaps them; nothing of an old gate is changed in place. Reports every problem of every feature at once.

import { systemTimers } from '../base/ports.ts';
import { createSend } from '../base/send.ts';
import { createWorkloadApis } from '../base/spiffe/workload-api.ts';
import type { Stages } from '../call.ts';
import { createReport, type LoadedConfig } from '../config/load.ts';
import { type Config, routeId } from '../config/schema.ts';
import { type Broker, createBroker } from '../exchange/broker.ts';
import type { SharedCredentials } from '../exchange/shared.ts';
import { createForward, type Forwarding } from '../forwarding/forward.ts';
import { compileNetwork } from '../forwarding/network.ts';
import { createCrossSiteCheck } from '../identity/cross-site.ts';
import { type Custody, createCustody } from '../identity/custody.ts';
import { createIdentify, type Identity } from '../identity/identify.ts';
import { createStrip } from '../identity/strip.ts';
import { createRefuse } from '../listeners/refuse.ts';
import { staysOnMachine } from '../listeners/schema.ts';
import { compileClaimsRule } from '../policy/expression.ts';
import { createPermit, type Permit } from '../policy/permit.ts';
import { type Catalogue, compileCatalogue } from '../routing/catalogue.ts';
import { rewriteMeta } from '../routing/mcp-meta.ts';
import { createRoute } from '../routing/route.ts';
import { tellFaults } from './faults.ts';
import { compileInbound, type InboundPath, traceSubjects } from './inbound.ts';
import { readPresets } from './presets.ts';
import type { Revocations } from './revocations.ts';
import { armRoute, forwardRoute, type PairedRoute, pairRoutes, policyRoute } from './routes.ts';
import type { World } from './world.ts';

export interface Gate {
  readonly config: Config;
  readonly stages: Omit<Stages, 'observe'>;
  readonly routes: readonly PairedRoute[];
  readonly catalogue: Catalogue;
  readonly identity: Identity;
  readonly permit: Permit;
  readonly broker: Broker;
  readonly forwarding: Forwarding;
  /** The way in to the agent, where there is one. */
  readonly inbound: InboundPath | undefined;
  /** undefined where nothing can be revoked: in a dry run, or a test. */
  readonly revocations: Revocations | undefined;
  /** Lets live calls end, then gives up connections, keys and credentials. */
  close(): Promise<void>;
  /** The same without waiting: live calls are cut. */
  closeNow(): Promise<void>;
}

/** What outlives a gate; each is the gate's own where it is not given. */
export interface GateParts {
  /** The tokens held for the agent. */
  readonly custody?: Custody;
  /** Of the seals on MCP sessions. */
  readonly sessionKey?: Uint8Array;
  /** Credentials of gates in other threads. */
  readonly credentials?: SharedCredentials;
  /** What is revoked. */
  readonly revocations?: Revocations;
}

/** @throws ConfigError with every problem of every feature. */
export function compileGate(
  loaded: LoadedConfig,
  { clock, log, env }: World,
  { custody = createCustody(clock), sessionKey, credentials, revocations }: GateParts = {},
): Gate {
  const { config } = loaded;
  const { report, throwIfAny } = createReport(loaded);
  const presets = readPresets(config.presets, config.routes);
  const catalogue = compileCatalogue({ presets, routes: config.routes, report });
  const routes = pairRoutes(config.routes, catalogue.routes, routeId);
  const network = compileNetwork(config.network, ['network'], report);
  const revoked = revocations?.status() && { revoked: revocations.refusalOf };
  const permit = createPermit({ routes: routes.map(policyRoute), ...revoked, clock, report });
  const sender = createSend(network);
  const { send } = sender;
  const workloads = createWorkloadApis({ env, clock, timers: systemTimers, log });
  const workload = workloads.open;
  const held = { custody: config.inbound && custody, subjectTrace: traceSubjects(config, catalogue) };
  const identity = createIdentify({
    ...{ ...config, ...held, compileRule: compileClaimsRule, clock, send, log, workload, report },
  });
  const exchanges = new Map(Object.entries(config.exchanges));
  const sources = new Map(Object.entries(config.subject_sources));
  const broker = createBroker({
    ...{ exchanges, sources, routes: routes.map(armRoute), clock, send, log, workload, report },
    ...(credentials && { shared: credentials }),
  });
  const inbound = compileInbound({ config, presets, identity, custody, ...revoked, clock, log, report });
  throwIfAny();

  const { rearm } = broker;
  const forwardRoutes = routes.map((route) => forwardRoute(route, broker.callHeaders(route.spec.id)));
  const forwarding = createForward({
    ...{ ...network, ...revoked, routes: forwardRoutes, rearm, rewriteMeta, clock, log },
    ...(sessionKey && { sessionKey }),
  });
  const detach = revocations?.attach({
    ...{ forget: broker.forget, forgetIssued: broker.forgetIssued, endTokens: custody.end },
    endCalls: (why) => forwarding.end(why) + (inbound?.end(why) ?? 0),
  });
  const release = async () => {
    detach?.();
    identity.close();
    broker.close();
    workloads.close();
    await sender.close();
  };
  return {
    config,
    routes,
    catalogue,
    identity,
    permit,
    broker,
    forwarding,
    inbound,
    revocations,
    stages: {
      strip: stripFor(config, routes),
      identify: identity.identify,
      route: createRoute({ catalogue }),
      permit: permit.permit,
      arm: (call) => broker.armAtOnce(call) ?? broker.arm(call),
      forward: forwarding.forward,
      refuse: tellFaults(createRefuse(catalogue), log),
    },
    close: () => Promise.all([forwarding.close(), inbound?.close()]).then(release),
    closeNow: () => Promise.all([forwarding.closeNow(), inbound?.closeNow()]).then(release),
  };
}

/** Beside its agent, a gate takes a call without a credential for the agent's own: web pages are kept away first. */
function stripFor({ identity, listen }: Config, routes: readonly PairedRoute[]): Stages['strip'] {
  const strip = createStrip();
  if (identity.mode !== 'sidecar') return strip;
  const refuseCrossSite = createCrossSiteCheck({
    loopback: listen.outbound.kind === 'tcp' && staysOnMachine(listen.outbound),
    hosts: routes.flatMap(({ spec }) => spec.host ?? []),
    origins: identity.allowed_origins,
  });
  return (call) => {
    const stripped = strip(call);
    refuseCrossSite(stripped);
    return stripped;
  };
}
