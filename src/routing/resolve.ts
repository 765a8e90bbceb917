// Resolves one configured route against its preset into everything other features need to know of it, once, at load.
// Reports what does not fit together; must never fill a gap by guessing (no upstream, no route).

import type { Problem } from '../base/problem.ts';
import { isLoopback } from '../base/scalars.ts';
import type { Owners } from '../call.ts';
import type { Placement } from '../credential.ts';
import { admits } from './header-rules.ts';
import { foldName } from './json-scan.ts';
import { compileOperation, type Operation } from './operation.ts';
import { compilePattern, type PathPattern } from './pattern.ts';
import type { Preset } from './preset-schema.ts';
import type { RouteRouting } from './schema.ts';
import { compileUpstream, type Upstream } from './upstream.ts';

/** What other features need to know of a route, by `Route.id`. */
export interface ResolvedRoute {
  readonly id: string;
  readonly preset: string | undefined;
  readonly title: string;
  /** Path the agent finds the API under; no "/" at the end but for the root. */
  readonly path: string;
  readonly host: string | undefined;
  readonly upstream: Upstream;
  readonly headers: {
    /** Rules for request headers that pass to the upstream: a name, or a beginning that ends in "-*". */
    readonly forward: readonly string[];
    /** Set on every call, in place of what the agent sent: name in lower case, value. */
    readonly set: readonly (readonly [string, string])[];
  };
  /** Response headers that must not reach the agent, in lower case. */
  readonly responseDrop: ReadonlySet<string>;
  readonly placement: Placement;
  readonly http2: boolean;
  /** Milliseconds. */
  readonly timeouts: { readonly idle: number; readonly connect: number };
  readonly maxConnections: number;
  readonly responseGuard: boolean;
  readonly websocket: boolean;
  readonly mcp: boolean;
  /** Bytes. */
  readonly inspectionLimit: number;
  readonly owners: Owners;
  readonly client: ClientHelp;
  /** How short-lived credentials for this API can be had. */
  readonly federation: string;
}

/** How an agent uses the route; `{gate}` in `baseUrl` stands for the listener's URL. */
export interface ClientHelp {
  readonly baseUrlEnv: string | undefined;
  readonly baseUrl: string;
  readonly credentialSlot: string;
  readonly note: string | undefined;
}

/** What only routing needs of a route. */
export interface Inspection {
  readonly operations: readonly Operation[];
  readonly unknownOperations: 'allow' | 'deny';
  readonly blockedPaths: readonly PathPattern[];
  /** Names as `foldName` gives them. */
  readonly blockedQuery: ReadonlySet<string>;
  /** Path parameters that may hold an encoded slash. */
  readonly encodedSlashIn: ReadonlySet<string>;
}

type ReportHere = (problem: Problem) => void;

/** @param report takes problems with paths relative to the route entry. @returns undefined when it reported something fatal. */
export function resolveRoute(entry: RouteRouting, preset: Preset, report: ReportHere): ResolvedRoute | undefined {
  const upstream = resolveUpstream(entry, preset, report);
  const placement = resolvePlacement(entry.placement ?? preset.placement, upstream, report);
  const forward = [...new Set([...preset.headers.forward, ...entry.headers.forward])];
  const set = Object.entries({ ...preset.headers.set, ...entry.headers.set });
  if (
    placement?.kind === 'header' &&
    (admits(forward, placement.name) || set.some(([name]) => name === placement.name))
  ) {
    report({
      path: ['headers'],
      what: `lets the header "${placement.name}" through, which carries the issued credential`,
      mend: 'take it out of `forward` and `set`',
    });
  }
  if (upstream === undefined || placement === undefined) return undefined;
  const path = entry.path ?? (entry.host === undefined ? preset.path : '/');
  return {
    id: entry.name ?? preset.preset,
    preset: entry.preset,
    title: preset.title,
    path,
    host: entry.host,
    upstream,
    headers: { forward, set },
    responseDrop: new Set(preset.response.drop),
    placement,
    http2: entry.http2,
    timeouts: entry.timeouts,
    maxConnections: entry.max_connections,
    responseGuard: entry.response_guard === 'on',
    websocket: entry.websocket ?? preset.websocket,
    mcp: preset.mcp,
    inspectionLimit: entry.inspection_limit,
    owners: { issuance: entry.owners?.issuance, policy: entry.owners?.policy },
    client: {
      baseUrlEnv: preset.client.base_url_env,
      baseUrl: preset.client.base_url.replaceAll('{path}', path === '/' ? '' : path),
      credentialSlot: preset.client.credential_slot,
      note: preset.client.note,
    },
    federation: preset.federation,
  };
}

/** @param placement of the route: an agent's own parameter beside the credential's would be a second one of that name. */
export function compileInspection(preset: Preset, placement: Placement): Inspection {
  const blockedQuery = placement.kind === 'query' ? [...preset.blocked_query, placement.name] : preset.blocked_query;
  return {
    operations: preset.operations.map(compileOperation),
    unknownOperations: preset.unknown_operations,
    blockedPaths: preset.blocked_paths.map(compilePattern),
    blockedQuery: new Set(blockedQuery.map(foldName)),
    encodedSlashIn: new Set(preset.encoded_slash_in),
  };
}

function resolveUpstream(entry: RouteRouting, preset: Preset, report: ReportHere): Upstream | undefined {
  const text = entry.upstream ?? preset.upstream;
  if (text === undefined) {
    report({ path: [], what: 'has no upstream', mend: 'write `upstream: https://...`, the base URL of the API' });
    return undefined;
  }
  const upstream = compileUpstream(text);
  if (typeof upstream === 'string') {
    report({
      path: ['upstream'],
      what: upstream,
      mend: 'write plain segments, without "." and ".." and needless escapes',
    });
    return undefined;
  }
  if (!upstream.tls && !entry.insecure_plain_http && !isLoopback(new URL(text))) {
    report({
      path: ['upstream'],
      what: 'would send the credential over the network in the clear',
      mend: 'use https, or accept it with `insecure_plain_http: true`',
    });
  }
  return upstream;
}

/** The endpoints of AWS name their region: service.region.amazonaws.com, with private and dual-stack forms of it. */
const awsRegion = /\.([a-z]{2,8}(?:-[a-z]{2,16}){1,3}-\d{1,2})(?:\.vpce)?\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$/;

function resolvePlacement(
  placement: Preset['placement'],
  upstream: Upstream | undefined,
  report: ReportHere,
): Placement | undefined {
  if (placement === 'none') return { kind: 'none' };
  if (placement === 'bearer') return { kind: 'header', name: 'authorization', prefix: 'Bearer ' };
  if ('query' in placement) return { kind: 'query', name: placement.query };
  if ('sigv4' in placement) {
    const { service, region = awsRegion.exec(upstream?.hostname ?? '')?.[1] } = placement.sigv4;
    if (region !== undefined) return { kind: 'sigv4', service, region };
    if (upstream === undefined) return undefined;
    const mend = `write placement: { sigv4: { service: ${service}, region: ... } }`;
    report({ path: ['placement'], what: 'signs for no region, and the upstream names none', mend });
    return undefined;
  }
  return { kind: 'header', name: placement.header, prefix: placement.prefix ?? '' };
}
