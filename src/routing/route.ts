// The route stage: which upstream is meant, by which canonical path, and what is asked of it.
// Makes every RoutedCall. Must never forward a spelling it did not match, nor match one it did not canonicalise.

import { type Awaitable, attempt, whenReady } from '../base/awaitable.ts';
import { Refusal } from '../base/errors.ts';
import type { Body, KnownCall, RequestFacts, RoutedCall } from '../call.ts';
import type { Catalogue, CompiledRoute } from './catalogue.ts';
import { inspect } from './inspect.ts';
import { inspectMcp } from './mcp.ts';
import { type MatchedOperation, matchOperation } from './operation.ts';
import { queryHolds } from './query.ts';
import { readApart, refuseStraySlashes } from './slashes.ts';
import { type CanonicalTarget, canonicalTarget, escapes } from './target.ts';
import { upstreamTarget } from './upstream.ts';

export interface RouteOptions {
  readonly catalogue: Catalogue;
}

/** At once where the body is there. @throws Refusal of the route group, through the promise. */
export function createRoute({ catalogue }: RouteOptions): (call: KnownCall) => Awaitable<RoutedCall> {
  function find(call: KnownCall): Awaitable<RoutedCall> {
    // RFC 9110 section 9.3.8: it has the upstream reflect the request, which must then hold no credential; ours would.
    if (call.method === 'TRACE') throw new Refusal('request_malformed', { detail: 'TRACE is not forwarded' });
    const target = canonicalTarget(call.path, catalogue.encodedSlashes);
    const compiled = catalogue.match(target.path, call.authority);
    if (target.slashed > 0 && !compiled?.inspection.encodedSlashIn.size) throw escapes('has an encoded slash');
    if (compiled === undefined) throw new Refusal('route_unmatched', { detail: 'no route is mounted at this path' });
    const place = placeBelow(compiled, target);
    refuseBlocked(compiled, place.segments);
    if (target.slashed > 0) refuseBlocked(compiled, readApart(place.segments));
    refuseOverrides(compiled, target.query);
    const { route, spec } = compiled;
    return whenReady(readFacts(call, compiled, place, target.query), ({ facts, body }) => {
      const upstream = upstreamTarget(spec.upstream, place.below, target.query);
      return { ...call, route, upstream, facts, body };
    });
  }

  return (call) => attempt(() => find(call));
}

interface Place {
  /** Canonical path below the route: empty, or starting with "/". */
  readonly below: string;
  /** Its decoded segments. */
  readonly segments: readonly string[];
  /** How many of them hold an encoded slash. */
  readonly slashed: number;
}

function placeBelow({ spec }: CompiledRoute, { path, segments, slashed }: CanonicalTarget): Place {
  if (spec.path === '/') return { below: path, segments, slashed };
  const depth = spec.path.split('/').length - 1;
  return { below: path.slice(spec.path.length), segments: segments.slice(depth), slashed };
}

/** Endpoints that hand out credentials would launder the gate's. */
function refuseBlocked({ spec, inspection }: CompiledRoute, segments: readonly string[]): void {
  const base = spec.upstream.basePath.split('/').slice(1);
  const whole = base.length === 0 ? segments : [...base, ...segments];
  for (const pattern of inspection.blockedPaths) {
    if (pattern.match(segments) !== undefined || (whole !== segments && pattern.match(whole) !== undefined)) {
      throw new Refusal('token_endpoint_blocked', { detail: 'the path hands out credentials' });
    }
  }
}

/** Parameters that override the request would hide it from policy. */
function refuseOverrides({ inspection }: CompiledRoute, query: string): void {
  if (inspection.blockedQuery.size > 0 && queryHolds(query, inspection.blockedQuery)) {
    throw new Refusal('target_malformed', { detail: 'a query parameter would override the request' });
  }
}

interface Read {
  readonly facts: RequestFacts;
  readonly body: Body;
}

function readFacts(call: KnownCall, compiled: CompiledRoute, place: Place, query: string): Awaitable<Read> {
  const { spec } = compiled;
  const upgrade = call.transport.kind === 'upgrade';
  if (upgrade && (spec.mcp || !spec.websocket)) throw new Refusal('upgrade_not_allowed');
  const { method } = call;
  const path = place.below === '' ? '/' : place.below;
  if (spec.mcp) {
    if (path !== '/') throw new Refusal('operation_unmatched', { detail: 'MCP has one endpoint' });
    return whenReady(inspectMcp(call, spec.inspectionLimit), ({ facts, body }) => ({
      facts: { ...facts, method, path, model: undefined },
      body,
    }));
  }
  const matched = findOperation(call, compiled, place, upgrade);
  // A signature covers the body, so the body is there before it is signed.
  const whole = spec.placement.kind === 'sigv4';
  const operation = matched?.operation.name;
  const none = { rpcId: undefined, mcpSession: undefined, mcpVersion: undefined };
  return whenReady(
    inspect(call, matched, query, spec.inspectionLimit, whole),
    ({ body, model, tool, resource, stream }) => ({
      facts: { ...none, method, path, operation, model, tool, resource, stream },
      body,
    }),
  );
}

function findOperation(
  call: KnownCall,
  { inspection }: CompiledRoute,
  place: Place,
  upgrade: boolean,
): MatchedOperation | undefined {
  const matched = matchOperation(inspection.operations, call.method, place.segments, upgrade);
  refuseStraySlashes({ ...place, method: call.method }, inspection, matched);
  if (matched !== undefined) return matched;
  // A preset that lists its sockets means these and no others: what goes through a tunnel is never inspected.
  if (upgrade && inspection.operations.some((operation) => operation.websocket))
    throw new Refusal('upgrade_not_allowed');
  if (inspection.unknownOperations === 'deny') throw new Refusal('operation_unmatched');
  return undefined;
}
