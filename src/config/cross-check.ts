// What no feature can see alone: names that refer to something elsewhere in the configuration, and options that say
// something to nobody. Reports, never repairs.

import { nearest } from '../base/nearest.ts';
import type { Report } from '../base/problem.ts';
import { noExchange } from '../exchange/schema.ts';
import { type Config, type RouteConfig, routeId } from './schema.ts';

export function crossCheck(config: Config, report: Report): void {
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
  for (const [index, route] of config.routes.entries()) checkRoute(route, ['routes', index], config, report);
}

type ConfigPath = readonly (string | number)[];

function checkRoute(route: RouteConfig, path: ConfigPath, config: Config, report: Report): void {
  const deepest = config.identity.max_chain_depth;
  if (route.limits.chain_depth > deepest) {
    const what = `has no effect above identity.max_chain_depth, which is ${deepest}`;
    report({ path: [...path, 'limits', 'chain_depth'], what, mend: 'lower it, or raise the other' });
  }
  checkExchange(route, path, config, report);
}

function checkExchange(route: RouteConfig, path: ConfigPath, config: Config, report: Report): void {
  const names = Object.keys(config.exchanges);
  if (route.exchange !== noExchange && !names.includes(route.exchange)) {
    const close = nearest(route.exchange, names);
    const known = [...names, noExchange].join(', ');
    const mend = close === undefined ? `known: ${known}` : `did you mean ${close}? known: ${known}`;
    report({ path: [...path, 'exchange'], what: `names an exchange that is not there: ${route.exchange}`, mend });
    return;
  }
  const exchange = config.exchanges[route.exchange];
  if (exchange?.grant === 'token_exchange' || exchange?.grant === 'client_credentials') return;

  const kind = exchange === undefined ? 'no exchange' : `grant ${exchange.grant}`;
  const mend = 'remove it, or use an exchange that asks an issuer';
  for (const option of ['audience', 'scopes', 'scopes_by'] as const) {
    if (route[option] !== undefined) report({ path: [...path, option], what: `has no effect with ${kind}`, mend });
  }
  if (route.resource.length > 0) report({ path: [...path, 'resource'], what: `has no effect with ${kind}`, mend });
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
