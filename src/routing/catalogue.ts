// The routes of this gate, compiled once: finds the route of a canonical path by longest prefix on a segment boundary.
// Must never match a path that only begins with the same letters (/openai is not /openaix), and never two routes alike.

import type { Report } from '../base/problem.ts';
import type { Dialect, Route } from '../call.ts';
import type { Preset } from './preset-schema.ts';
import { compileInspection, type Inspection, type ResolvedRoute, resolveRoute } from './resolve.ts';
import type { RouteRouting } from './schema.ts';
import type { EncodedSlashes } from './target.ts';

export interface CompiledRoute {
  readonly route: Route;
  readonly spec: ResolvedRoute;
  readonly inspection: Inspection;
}

export interface Catalogue {
  readonly routes: readonly CompiledRoute[];
  /** Encoded slashes are only counted where some route may admit them; that route's rules then decide. */
  readonly encodedSlashes: EncodedSlashes;
  /**
   * The route a call is for.
   * @param path canonical path. @param authority of the call, as stripping found it.
   */
  match(path: string, authority: string | undefined): CompiledRoute | undefined;
  /** The dialect to answer in when a call failed before it was routed. @param target as received; only compared. */
  dialectFor(target: string): Dialect;
}

export interface CatalogueOptions {
  readonly presets: ReadonlyMap<string, Preset>;
  readonly routes: readonly RouteRouting[];
  /** Problems have paths from `routes`, e.g. ['routes', 0, 'preset']. */
  readonly report: Report;
}

/** Preset whose defaults a route without a preset has. */
export const genericPreset = 'http';

export function compileCatalogue({ presets, routes: entries, report }: CatalogueOptions): Catalogue {
  const routes: CompiledRoute[] = [];
  for (const [index, entry] of entries.entries()) {
    const here: Report = (problem) => report({ ...problem, path: ['routes', index, ...problem.path] });
    const preset = presetOf(entry, presets, here);
    const spec = preset && resolveRoute(entry, preset, here);
    if (preset === undefined || spec === undefined) continue;
    const twin = routes.find((other) => other.spec.id === spec.id);
    if (twin !== undefined) {
      here({ path: [], what: `has the name of another route, "${spec.id}"`, mend: 'give it a `name` of its own' });
    }
    const neighbour = routes.find(({ spec: other }) => other.path === spec.path && other.host === spec.host);
    if (neighbour !== undefined) {
      const what = `is mounted at ${spec.path} like the route "${neighbour.spec.id}"`;
      here({ path: entry.path === undefined ? [] : ['path'], what, mend: 'give it a `path` of its own' });
    }
    routes.push({
      route: describeRoute(entry, spec, preset),
      spec,
      inspection: compileInspection(preset, spec.placement),
    });
  }
  return {
    routes,
    encodedSlashes: routes.some(({ inspection }) => inspection.encodedSlashIn.size > 0) ? 'counted' : 'refused',
    match: createMatch(routes),
    dialectFor: (target) => dialectFor(routes, target),
  };
}

function presetOf(entry: RouteRouting, presets: ReadonlyMap<string, Preset>, report: Report): Preset | undefined {
  if (entry.preset !== undefined) {
    const preset = presets.get(entry.preset);
    if (preset === undefined) {
      const known = [...presets.keys()].sort().join(', ');
      report({ path: ['preset'], what: `names no preset: "${entry.preset}"`, mend: `known presets: ${known}` });
    }
    return preset;
  }
  if (entry.name === undefined || (entry.path === undefined && entry.host === undefined)) {
    report({
      path: [],
      what: 'has neither a preset nor a name and a path',
      mend: 'write `preset:`, or `name:`, `path:` and `upstream:`',
    });
    return undefined;
  }
  const preset = presets.get(genericPreset);
  if (preset === undefined) report({ path: [], what: `needs the preset "${genericPreset}", which was not loaded` });
  return preset;
}

function describeRoute(entry: RouteRouting, spec: ResolvedRoute, preset: Preset): Route {
  return {
    id: spec.id,
    preset: spec.preset,
    pattern: spec.path === '/' ? '/*' : `${spec.path}/*`,
    dialect: entry.dialect ?? preset.dialect,
    provider: entry.provider ?? preset.provider,
    owners: spec.owners,
  };
}

type Mounts = ReadonlyMap<string, CompiledRoute>;

function createMatch(routes: readonly CompiledRoute[]): Catalogue['match'] {
  const byHost = new Map<string | undefined, Map<string, CompiledRoute>>();
  for (const compiled of routes) {
    const mounts = byHost.get(compiled.spec.host) ?? new Map<string, CompiledRoute>();
    mounts.set(compiled.spec.path, compiled);
    byHost.set(compiled.spec.host, mounts);
  }
  const deepest = Math.max(0, ...routes.map(({ spec }) => spec.path.split('/').length - 1));
  const anyHost = byHost.get(undefined);
  const hosts = byHost.size > (anyHost === undefined ? 0 : 1);
  return (path, authority) => {
    const mounts = hosts && authority !== undefined ? mountsOfHost(byHost, authority) : undefined;
    return (mounts && longestPrefix(mounts, path, deepest)) ?? (anyHost && longestPrefix(anyHost, path, deepest));
  };
}

/** Host names compare without letter case and without the last dot; a route without a port takes any. */
function mountsOfHost(byHost: ReadonlyMap<string | undefined, Mounts>, authority: string): Mounts | undefined {
  const host = authority.toLowerCase();
  const [, name = host, port = ''] = /^(.*?)\.?(:\d+)?$/.exec(host) ?? [];
  return byHost.get(`${name}${port}`) ?? byHost.get(name);
}

function longestPrefix(mounts: Mounts, path: string, deepest: number): CompiledRoute | undefined {
  let found = mounts.get('/');
  let end = 0;
  for (let depth = 0; depth < deepest && end !== -1; depth += 1) {
    end = path.indexOf('/', end + 1);
    found = mounts.get(end === -1 ? path : path.slice(0, end)) ?? found;
  }
  return found;
}

function dialectFor(routes: readonly CompiledRoute[], target: string): Dialect {
  const path = target.replace(/^https?:\/\/[^/]*/i, '').split('?', 1)[0] ?? '';
  let best: CompiledRoute | undefined;
  for (const compiled of routes) {
    const mount = compiled.spec.path;
    const inside = mount === '/' || path === mount || path.startsWith(`${mount}/`);
    if (inside && (best === undefined || mount.length > best.spec.path.length)) best = compiled;
  }
  return best?.route.dialect ?? 'problem';
}
