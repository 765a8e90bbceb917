// Exchanges and routes from the configuration, joined once at load: what a call needs later is one map look-up away.
// Reports every problem, also those that only show when both sides are seen together.

import type { Report } from '../base/problem.ts';
import { createFlights, type Flights } from './flights.ts';
import type { Grant, GrantPorts } from './grant.ts';
import * as grants from './grants/index.ts';
import { createHealth, type Health } from './health.ts';
import type { Obtained } from './obtained.ts';
import type { ArmRoute, Lane } from './plan.ts';
import { type ExchangeConfig, noExchange } from './schema.ts';

export interface CompiledExchange {
  readonly name: string;
  readonly grant: Grant;
  /** Its own, so that one hanging issuer takes no room from the others. */
  readonly flights: Flights<Obtained>;
  readonly health: Health;
}

export interface CompiledLane extends Lane {
  readonly compiled: CompiledExchange;
}

export function compileExchanges(
  configs: ReadonlyMap<string, ExchangeConfig>,
  ports: GrantPorts,
): ReadonlyMap<string, CompiledExchange> {
  const compiled = new Map<string, CompiledExchange>();
  for (const [name, config] of configs) {
    const path = ['exchanges', name];
    const report: Report = (problem) => ports.report({ ...problem, path: [...path, ...problem.path] });
    const grant = createGrant(config, { ...ports, report });
    compiled.set(name, { name, grant, flights: createFlights(), health: createHealth() });
  }
  return compiled;
}

const creators = new Map<string, (options: never, ports: GrantPorts) => Grant>(
  Object.values(grants).map(({ type, create }) => [type, create]),
);

function createGrant(config: ExchangeConfig, ports: GrantPorts): Grant {
  const create = creators.get(config.grant);
  if (create === undefined) throw new TypeError(`there is no grant ${config.grant}`);
  // The schema of this very grant made `config`; TypeScript does not follow that through a union.
  return create(config as never, ports);
}

/**
 * Lanes by route id. A route that forwards without a credential has none; nor has one whose exchange is not there, which
 * the configuration's own cross-check reports, and whose calls are refused.
 */
export function compileLanes(
  routes: readonly ArmRoute[],
  exchanges: ReadonlyMap<string, CompiledExchange>,
  report: Report,
): ReadonlyMap<string, CompiledLane> {
  const lanes = new Map<string, CompiledLane>();
  for (const route of routes) {
    if (route.exchange === noExchange) continue;
    const compiled = exchanges.get(route.exchange);
    if (compiled === undefined) continue;
    reportContradictions(route, compiled.grant, report);
    lanes.set(route.id, { route, exchange: route.exchange, grant: compiled.grant, compiled });
  }
  return lanes;
}

function reportContradictions(route: ArmRoute, grant: Grant, report: Report): void {
  if (route.placement.kind === 'none') {
    const mend = 'say where the credential goes, or write exchange: none';
    report({ path: [...route.path, 'exchange'], what: 'has no effect: the credential would be placed nowhere', mend });
  }
  if (grant.verifies && route.verify === 'strict' && route.audience === undefined && route.resource.length === 0) {
    report({
      path: route.path,
      what: 'asks for no audience, so that what is issued could be used anywhere',
      mend: 'add `audience` or `resource`, or verify: record',
    });
  }
}
