// Where a call goes, as its path, method and host alone say: the route, what is below it, the operation, the upstream's path.
// Refuses paths that hand out credentials, and spellings that could mean another operation.
// Must never take the query, a header or the body into account: what is found is remembered for calls that have others.

import { Refusal } from '../base/errors.ts';
import { ownText } from '../base/own-text.ts';
import { createRecent, type Marked } from '../base/recent.ts';
import type { Arrival } from '../call.ts';
import type { Catalogue, CompiledRoute } from './catalogue.ts';
import { type MatchedOperation, matchOperation } from './operation.ts';
import { readApart, refuseStraySlashes } from './slashes.ts';
import { type CanonicalTarget, canonicalPath, escapes } from './target.ts';
import { upstreamPath } from './upstream.ts';

/** Paths remembered: an SDK calls a handful over and over, and to find one anew takes 2 us. */
const maxPlaces = 1_024;

/** Longest path remembered, in characters; bounds what callers can fill memory with. */
const maxRemembered = 512;

export interface Place {
  readonly compiled: CompiledRoute;
  /** Canonical path below the route, at least "/". */
  readonly path: string;
  /** Undefined for an operation the preset does not know, and for MCP, where the body says it. */
  readonly matched: MatchedOperation | undefined;
  /** Canonical path at the upstream. */
  readonly upstreamPath: string;
}

interface Known extends Place, Marked {}

/** What a place follows from. */
export interface Asked {
  readonly rawPath: string;
  readonly method: string;
  readonly authority: string | undefined;
  readonly transport: Arrival['transport']['kind'];
}

/** @returns a function that throws Refusal of the route group */
export function createFindPlace(catalogue: Catalogue): (asked: Asked) => Place {
  const places = createRecent<Known>({ most: maxPlaces });

  return (asked) => {
    const { rawPath, method, authority, transport } = asked;
    // None of them holds a space, and no authority is empty: the parser and stripping have seen to that.
    const key = `${transport} ${method} ${authority ?? ''} ${rawPath}`;
    const known = places.get(key);
    if (known !== undefined) return known;
    const place = findPlace(catalogue, asked);
    // The path was cut out of a target that may have a query; the place holds no part of it, it is joined anew.
    if (rawPath.length <= maxRemembered) places.set(ownText(key), place);
    return place;
  };
}

/** Below a route, still to be understood. */
interface Below extends Omit<CanonicalTarget, 'query'> {
  readonly compiled: CompiledRoute;
  readonly method: string;
  readonly upgrade: boolean;
}

function findPlace(catalogue: Catalogue, { rawPath, method, authority, transport }: Asked): Known {
  const target = canonicalPath(rawPath, catalogue.encodedSlashes);
  const compiled = catalogue.match(target.path, authority);
  if (target.slashed > 0 && !compiled?.inspection.encodedSlashIn.size) throw escapes('has an encoded slash');
  if (compiled === undefined) throw new Refusal('route_unmatched', { detail: 'no route is mounted at this path' });
  const { spec } = compiled;
  const below = { ...belowRoute(compiled, target), compiled, method, upgrade: transport === 'upgrade' };
  refuseBlocked(compiled, below.segments);
  if (target.slashed > 0) refuseBlocked(compiled, readApart(below.segments));
  if (below.upgrade && (spec.mcp || !spec.websocket)) throw new Refusal('upgrade_not_allowed');
  if (spec.mcp && below.path !== '' && below.path !== '/')
    throw new Refusal('operation_unmatched', { detail: 'MCP has one endpoint' });
  return {
    compiled,
    path: below.path === '' ? '/' : below.path,
    matched: spec.mcp ? undefined : findOperation(below),
    upstreamPath: upstreamPath(spec.upstream, below.path),
    used: false,
  };
}

function belowRoute({ spec }: CompiledRoute, { path, segments, slashed }: Omit<CanonicalTarget, 'query'>) {
  if (spec.path === '/') return { path, segments, slashed };
  const depth = spec.path.split('/').length - 1;
  return { path: path.slice(spec.path.length), segments: segments.slice(depth), slashed };
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

function findOperation(below: Below): MatchedOperation | undefined {
  const { method, segments, upgrade } = below;
  const { inspection } = below.compiled;
  const matched = matchOperation(inspection.operations, method, segments, upgrade);
  refuseStraySlashes(below, inspection, matched);
  if (matched !== undefined) return matched;
  // A preset that lists its sockets means these and no others: what goes through a tunnel is never inspected.
  if (upgrade && inspection.operations.some((operation) => operation.websocket))
    throw new Refusal('upgrade_not_allowed');
  if (inspection.unknownOperations === 'deny') throw new Refusal('operation_unmatched');
  return undefined;
}
