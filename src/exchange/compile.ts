// Exchanges and routes from the configuration, joined once at load: what a call needs later is one map look-up away.
// Every exchange is a list of legs, mostly one. Reports every problem, also those that only show when both sides are seen
// together.

import type { Report } from '../base/problem.ts';
import { createFlights, type Flights } from './flights.ts';
import type { Grant, GrantPorts } from './grant.ts';
import * as grants from './grants/index.ts';
import { createHealth, type Health } from './health.ts';
import type { ArmRoute, Lane, Leg } from './plan.ts';
import { type ExchangeConfig, noExchange } from './schema.ts';
import type { Brought } from './shared.ts';
import { idJagType } from './token-type.ts';

export interface CompiledLeg extends Leg {
  /** Its exchange's own, so that one hanging issuer takes no room from the others. */
  readonly flights: Flights<Brought>;
  readonly health: Health;
}

export interface CompiledExchange {
  readonly name: string;
  /** As configured. */
  readonly grant: string;
  /** First to last; empty after a problem was reported. */
  readonly legs: readonly CompiledLeg[];
}

export type CompiledLane = Lane<CompiledLeg>;

type ChainConfig = Extract<ExchangeConfig, { grant: typeof grants.chain.type }>;

export function compileExchanges(
  configs: ReadonlyMap<string, ExchangeConfig>,
  ports: GrantPorts,
): ReadonlyMap<string, CompiledExchange> {
  const compiled = new Map<string, CompiledExchange>();
  const chains: [string, ChainConfig][] = [];
  for (const [name, config] of configs) {
    if (isChain(config)) chains.push([name, config]);
    else compiled.set(name, compileExchange(name, config, { ...ports, report: below(ports.report, name) }));
  }
  // Chains join what is there already, so that a chain of chains cannot be written.
  const single = new Map(compiled);
  for (const [name, config] of chains) {
    const legs = grants.chain.compose(config, single, below(ports.report, name));
    compiled.set(name, { name, grant: config.grant, legs });
  }
  return compiled;
}

function compileExchange(
  name: string,
  config: Exclude<ExchangeConfig, ChainConfig>,
  ports: GrantPorts,
): CompiledExchange {
  const shared = { exchange: name, request: {}, flights: createFlights<Brought>(), health: createHealth() };
  const legs: CompiledLeg[] = [];
  for (let grant: Grant | undefined = createGrant(config, ports); grant !== undefined; grant = grant.next) {
    legs.push({ ...shared, grant });
  }
  return { name, grant: config.grant, legs };
}

function isChain(config: ExchangeConfig): config is ChainConfig {
  return config.grant === grants.chain.type;
}

function below(report: Report, name: string): Report {
  return (problem) => report({ ...problem, path: ['exchanges', name, ...problem.path] });
}

const creators = new Map<string, (options: never, ports: GrantPorts) => Grant>(
  Object.values(grants).flatMap((grant) => ('create' in grant ? [[grant.type, grant.create]] : [])),
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
    if (compiled === undefined || compiled.legs.length === 0) continue;
    const lane = { route, exchange: route.exchange, legs: compiled.legs };
    reportContradictions(lane, report);
    lanes.set(route.id, { ...lane, route: { ...route, placement: placementOf(lane) } });
  }
  return lanes;
}

/** A token bound to a key goes where a bearer token would, with its proof: neither agent nor route need know. */
function placementOf({ route: { placement }, legs }: CompiledLane): ArmRoute['placement'] {
  return legs.at(-1)?.grant.dpop === true && isBearer(placement) ? { kind: 'dpop' } : placement;
}

function reportContradictions({ route, legs }: CompiledLane, report: Report): void {
  const { placement, path } = route;
  const last = legs.at(-1);
  if (placement.kind === 'none') {
    const mend = 'say where the credential goes, or write exchange: none';
    report({ path: [...path, 'exchange'], what: 'has no effect: the credential would be placed nowhere', mend });
  } else if (last?.grant.bearerOnly === true && !isBearer(placement)) {
    // Beside a Bearer, or in its place (litellm#21039), x-api-key makes the vendor refuse the call.
    const what = `gets a token of grant ${last.grant.type}, which its vendor takes as Authorization: Bearer only`;
    report({ path: [...path, 'placement'], what, mend: 'write placement: bearer' });
  } else if (last?.grant.dpop === true && !isBearer(placement)) {
    const what = 'gets a token that is bound to a key, which is sent as Authorization: DPoP only';
    const mend = 'write placement: bearer, or take `dpop` out of the exchange';
    report({ path: [...path, 'placement'], what, mend });
  } else if (last?.grant.signsOnly === true && placement.kind !== 'sigv4') {
    const what = 'gets AWS keys, which sign requests and are never sent';
    report({ path: [...path, 'placement'], what, mend: 'write placement: { sigv4: { service: ... } }' });
  } else if (last?.grant.signsOnly !== true && placement.kind === 'sigv4') {
    const what = `signs with AWS keys, and grant ${last?.grant.type} gives none`;
    report({ path: [...path, 'placement'], what, mend: 'write placement: bearer, or use an exchange of AWS' });
  }
  if ((last?.request.requestedTokenType ?? route.requestedTokenType) === idJagType) {
    const what = 'asks for an ID-JAG, which is a grant for an authorization server and no credential';
    const mend = 'let a step of a chain ask for it, and redeem it in the next';
    report({ path: [...path, 'requested_token_type'], what, mend });
  }
  for (const [at, { grant, request, exchange }] of legs.entries()) {
    const own = at === legs.length - 1 ? { audience: route.audience, resources: route.resource } : {};
    const audience = request.audience ?? own.audience ?? legs[at + 1]?.grant.subjectAudience ?? grant.audience;
    const resources = request.resources ?? own.resources ?? [];
    const strict = (request.verify ?? route.verify) === 'strict';
    if (!grant.verifies || !strict || audience !== undefined || resources.length > 0) continue;
    const step = legs.length === 1 ? '' : ` in its step ${exchange}`;
    report({
      path,
      what: `asks for no audience${step}, so that what is issued could be used anywhere`,
      mend: 'add `audience` or `resource`, or verify: record',
    });
  }
}

function isBearer(placement: ArmRoute['placement']): boolean {
  if (placement.kind !== 'header') return false;
  return placement.name.toLowerCase() === 'authorization' && /^bearer $/i.test(placement.prefix);
}
