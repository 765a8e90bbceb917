// The route stage: which upstream is meant, by which canonical path, and what is asked of it.
// Makes every RoutedCall. Must never forward a spelling it did not match, nor match one it did not canonicalise.

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

/** @throws Refusal of the route group, through the promise. */
export function createRoute({ catalogue }: RouteOptions): (call: KnownCall) => Promise<RoutedCall> {
  return async function route(call) {
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
    const { facts, body } = await readFacts(call, compiled, place, target.query);
    const upstream = upstreamTarget(compiled.spec.upstream, place.below, target.query);
    return { ...call, route: compiled.route, upstream, facts, body };
  };
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

async function readFacts(call: KnownCall, compiled: CompiledRoute, place: Place, query: string): Promise<Read> {
  const { spec } = compiled;
  const upgrade = call.transport.kind === 'upgrade';
  if (upgrade && (spec.mcp || !spec.websocket)) throw new Refusal('upgrade_not_allowed');
  const request = { method: call.method, path: place.below === '' ? '/' : place.below };
  const mcpNone = { rpcId: undefined, mcpSession: undefined, mcpVersion: undefined };
  if (spec.mcp) {
    if (request.path !== '/') throw new Refusal('operation_unmatched', { detail: 'MCP has one endpoint' });
    const { facts, body } = await inspectMcp(call, spec.inspectionLimit);
    return { facts: { ...request, model: undefined, ...facts }, body };
  }
  const matched = findOperation(call, compiled, place, upgrade);
  // A signature covers the body, so the body is there before it is signed.
  const whole = spec.placement.kind === 'sigv4';
  const { body, ...facts } = await inspect(call, matched, query, spec.inspectionLimit, whole);
  return { facts: { ...request, operation: matched?.operation.name, ...mcpNone, ...facts }, body };
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
