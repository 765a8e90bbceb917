// The route stage: which upstream is meant, by which canonical path, and what is asked of it.
// Makes every RoutedCall. Must never forward a spelling it did not match, nor match one it did not canonicalise.

import { type Awaitable, attempt, whenReady } from '../base/awaitable.ts';
import { Refusal } from '../base/errors.ts';
import type { Body, KnownCall, RequestFacts, RoutedCall } from '../call.ts';
import type { Catalogue, CompiledRoute } from './catalogue.ts';
import { inspect } from './inspect.ts';
import { inspectMcp } from './mcp.ts';
import { createFindPlace, type Place } from './place.ts';
import { queryHolds } from './query.ts';
import { splitTarget } from './target.ts';

export interface RouteOptions {
  readonly catalogue: Catalogue;
}

/** At once where the body is there. @throws Refusal of the route group, through the promise. */
export function createRoute({ catalogue }: RouteOptions): (call: KnownCall) => Awaitable<RoutedCall> {
  const findPlace = createFindPlace(catalogue);

  function find(call: KnownCall): Awaitable<RoutedCall> {
    const { method, authority } = call;
    // RFC 9110 section 9.3.8: it has the upstream reflect the request, which must then hold no credential; ours would.
    if (method === 'TRACE') throw new Refusal('request_malformed', { detail: 'TRACE is not forwarded' });
    const { rawPath, query } = splitTarget(call.path);
    const place = findPlace({ rawPath, method, authority, transport: call.transport.kind });
    const { route, spec } = place.compiled;
    refuseOverrides(place.compiled, query);
    const upstream = { origin: spec.upstream.origin, path: `${place.upstreamPath}${query}` };
    return whenReady(readFacts(call, place, query), ({ facts, body }) => ({ ...call, route, upstream, facts, body }));
  }

  return (call) => attempt(() => find(call));
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

const notMcp = { rpcId: undefined, mcpSession: undefined, mcpVersion: undefined };

function readFacts(call: KnownCall, { compiled, path, matched }: Place, query: string): Awaitable<Read> {
  const { spec } = compiled;
  const { method } = call;
  if (spec.mcp) {
    return whenReady(inspectMcp(call, spec.inspectionLimit), ({ facts, body }) => ({
      facts: { ...facts, method, path, model: undefined },
      body,
    }));
  }
  const operation = matched?.operation.name;
  // A signature covers the body, so the body is there before it is signed.
  const whole = spec.placement.kind === 'sigv4';
  return whenReady(
    inspect(call, matched, query, spec.inspectionLimit, whole),
    ({ body, model, tool, resource, stream }) => ({
      facts: { ...notMcp, method, path, operation, model, tool, resource, stream },
      body,
    }),
  );
}
