// What no feature can see alone: names that refer to something elsewhere in the configuration, and options that say
// something to nobody. Reports, never repairs.

import { nearest } from '../base/nearest.ts';
import type { Report } from '../base/problem.ts';
import { asksOf, noExchange, type RouteAsk } from '../exchange/schema.ts';
import { staysOnMachine } from '../listeners/schema.ts';
import { workerCount } from '../workers/schema.ts';
import { type Config, inboundRoute, type RouteConfig, routeId } from './schema.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface CrossCheckOptions {
  readonly env: Environment;
  readonly report: Report;
  /** Exchanges that are there but have problems of their own. */
  readonly broken?: ReadonlySet<string>;
}

export function crossCheck(config: Config, { env, report, broken = new Set() }: CrossCheckOptions): void {
  uniqueNames(
    config.routes.map((route) => routeId(route)),
    (index) => ['routes', index, config.routes[index]?.name === undefined ? 'preset' : 'name'],
    report,
  );
  uniqueNames(
    config.trust.map(({ name }) => name),
    (index) => ['trust', index, 'name'],
    report,
  );
  if (Object.hasOwn(config.exchanges, noExchange)) {
    const what = `has the name that stands for no exchange`;
    report({ path: ['exchanges', noExchange], what, mend: 'choose another' });
  }
  checkInbound(config, report);
  checkWorkers(config, report);
  checkCopies(config, env, report);
  for (const [index, route] of config.routes.entries()) {
    checkRoute(route, ['routes', index], config, report);
    if (!broken.has(route.exchange)) checkExchange(route, ['routes', index], config, broken, report);
  }
}

type ConfigPath = readonly (string | number)[];

function checkRoute(route: RouteConfig, path: ConfigPath, config: Config, report: Report): void {
  const deepest = config.identity.max_chain_depth;
  if (route.limits.chain_depth > deepest) {
    const what = `has no effect above identity.max_chain_depth, which is ${deepest}`;
    report({ path: [...path, 'limits', 'chain_depth'], what, mend: 'lower it, or raise the other' });
  }
  checkTraceSubject(route, path, config, report);
}

function checkInbound({ inbound, identity, routes }: Config, report: Report): void {
  if (inbound === undefined) return;
  for (const [index, route] of routes.entries()) {
    if (routeId(route) !== inboundRoute) continue;
    report({
      path: ['routes', index, 'name'],
      what: 'is how calls in to the agent are recorded',
      mend: 'choose another',
    });
  }
  if (identity.mode === 'sidecar') return;
  const mend = 'write identity.mode: sidecar and its token_file, or remove this section';
  report({ path: ['inbound'], what: 'needs an identity of its own to act with for whoever calls the agent', mend });
}

const endpointVariables = ['OTEL_EXPORTER_OTLP_LOGS_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'];

function checkCopies({ audit, telemetry }: Config, env: Environment, report: Report): void {
  if (!audit.otlp || telemetry.endpoint !== undefined || endpointVariables.some((name) => env[name])) return;
  const mend = `write telemetry.endpoint, or set ${endpointVariables.at(-1)}`;
  report({ path: ['audit', 'otlp'], what: 'needs a collector, and none is named', mend });
}

/** What one thread alone can have. */
function checkWorkers({ workers, inbound, listen }: Config, report: Report): void {
  if (workerCount(workers) === 1) return;
  if (listen.outbound.kind === 'unix') {
    const mend = 'write host:port, or workers: 1';
    report({ path: ['listen', 'outbound'], what: 'is a unix socket, which workers cannot share', mend });
  }
  if (inbound !== undefined) {
    const mend = 'write workers: 1, and run more gates instead';
    report({ path: ['workers'], what: 'does not go with `inbound`: handles are in the memory of one thread', mend });
  }
}

/** The trace is the proof of a subject there, so nobody but the agent may be able to show one. */
function checkTraceSubject(
  { subject_from: from }: RouteConfig,
  path: ConfigPath,
  config: Config,
  report: Report,
): void {
  if (from !== 'trace') return;
  if (config.inbound === undefined) {
    const mend = 'add `inbound`, or remove it: the subject is then taken from a credential';
    report({ path: [...path, 'subject_from'], what: 'needs calls that come in through `inbound`', mend });
  }
  if (!staysOnMachine(config.listen.outbound)) {
    const mend = 'listen on 127.0.0.1 or a unix socket, or give the agent handles';
    report({ path: [...path, 'subject_from'], what: 'needs listen.outbound to be on this machine', mend });
  }
}

function checkExchange(
  route: RouteConfig,
  path: ConfigPath,
  config: Config,
  broken: ReadonlySet<string>,
  report: Report,
): void {
  const names = [...Object.keys(config.exchanges), ...broken];
  if (route.exchange !== noExchange && !names.includes(route.exchange)) {
    const close = nearest(route.exchange, names);
    const known = [...names, noExchange].join(', ');
    const mend = close === undefined ? `known: ${known}` : `did you mean ${close}? known: ${known}`;
    report({ path: [...path, 'exchange'], what: `names an exchange that is not there: ${route.exchange}`, mend });
    return;
  }
  const exchange = config.exchanges[route.exchange];
  const asks = exchange === undefined ? [] : asksOf(exchange.grant);
  const kind = exchange === undefined ? 'no exchange' : `grant ${exchange.grant}`;
  const mend = 'remove it, or use an exchange that asks an issuer';
  for (const [option, ask] of askedBy(route)) {
    if (!asks.includes(ask)) report({ path: [...path, option], what: `has no effect with ${kind}`, mend });
  }
}

/** Options of a route that ask the issuer for something, where they are written. */
function askedBy(route: RouteConfig): readonly (readonly [option: string, RouteAsk])[] {
  return [
    ...(route.audience === undefined ? [] : [['audience', 'audience'] as const]),
    ...(route.scopes === undefined ? [] : [['scopes', 'scopes'] as const]),
    ...(route.scopes_by === undefined ? [] : [['scopes_by', 'scopes'] as const]),
    ...(route.resource.length === 0 ? [] : [['resource', 'resource'] as const]),
  ];
}

function uniqueNames(
  names: readonly (string | undefined)[],
  pathOf: (index: number) => ConfigPath,
  report: Report,
): void {
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (name === undefined) continue;
    if (seen.has(name))
      report({ path: pathOf(index), what: `is used before: ${name}`, mend: 'give each its own name' });
    seen.add(name);
  }
}
