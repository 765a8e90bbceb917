// Hands each feature its own part of every route: what routing resolved joined with what the configuration says.
// Only translation between the features' words; nothing is decided here.

import type { RouteConfig } from '../config/schema.ts';
import type { ArmRoute } from '../exchange/plan.ts';
import type { ForwardRoute } from '../forwarding/route.ts';
import type { PolicyRoute } from '../policy/permit.ts';
import type { CompiledRoute } from '../routing/catalogue.ts';
import type { ResolvedRoute } from '../routing/resolve.ts';

/** A route as configured, with its place in the file, and as resolved against its preset. */
export interface PairedRoute {
  readonly config: RouteConfig;
  readonly path: readonly (string | number)[];
  readonly spec: ResolvedRoute;
}

/** Routes that routing could not resolve have already been reported and are left out. */
export function pairRoutes(
  configured: readonly RouteConfig[],
  compiled: readonly CompiledRoute[],
  idOf: (route: RouteConfig) => string | undefined,
): readonly PairedRoute[] {
  const specs = new Map(compiled.map(({ spec }) => [spec.id, spec]));
  return configured.flatMap((config, index) => {
    const spec = specs.get(idOf(config) ?? '');
    return spec === undefined ? [] : [{ config, path: ['routes', index], spec }];
  });
}

export function policyRoute({ config, path, spec }: PairedRoute): PolicyRoute {
  return { ...config, id: spec.id, path };
}

export function armRoute({ config, path, spec }: PairedRoute): ArmRoute {
  return {
    id: spec.id,
    path,
    exchange: config.exchange,
    audience: config.audience,
    resource: config.resource,
    requestedTokenType: config.requested_token_type,
    verify: config.verify,
    tokenTtlMs: config.limits.token_ttl,
    placement: spec.placement,
  };
}

/** @param callHeaders what the route's credential needs in comma-separated headers of its calls */
export function forwardRoute(
  { spec }: Pick<PairedRoute, 'spec'>,
  callHeaders: Readonly<Record<string, string>> = {},
): ForwardRoute {
  return {
    id: spec.id,
    origin: spec.upstream.origin,
    upstreamBase: spec.upstream.basePath,
    gatePath: spec.host !== undefined && spec.path === '/' ? '' : spec.path,
    http2: spec.http2,
    mcp: spec.mcp,
    guard: spec.responseGuard,
    forwardHeaders: spec.headers.forward,
    ...headersOf(spec, callHeaders),
    dropResponseHeaders: [...spec.responseDrop],
    timeouts: { idleMs: spec.timeouts.idle, connectMs: spec.timeouts.connect },
    maxConnections: spec.maxConnections,
  };
}

/** A header the route sets in place of the agent's takes the credential's values into its own line: there is one of each. */
function headersOf(
  { headers }: ResolvedRoute,
  callHeaders: Readonly<Record<string, string>>,
): Pick<ForwardRoute, 'setHeaders' | 'appendHeaders'> {
  const set = new Map([...headers.set].map(([name, value]) => [name.toLowerCase(), value]));
  const append: [string, string][] = [];
  for (const [name, value] of Object.entries(callHeaders)) {
    const own = set.get(name);
    if (own === undefined) append.push([name, value]);
    else set.set(name, `${own},${value}`);
  }
  return { setHeaders: Object.fromEntries(set), appendHeaders: Object.fromEntries(append) };
}
