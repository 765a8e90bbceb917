// How an exchange stands, for readiness and the admin page: a chain as well as its legs, each with the health of its own.
// Must never hold a credential.

import type { ExchangeStatus } from './broker.ts';
import type { CompiledExchange, CompiledLeg } from './compile.ts';
import type { HealthFacts } from './health.ts';
import type { ArmRoute } from './plan.ts';

export function exchangeStatus({ name, grant, legs }: CompiledExchange, routes: readonly ArmRoute[]): ExchangeStatus {
  const last = legs.at(-1)?.grant;
  return {
    name,
    grant,
    kind: legs[0]?.grant.kind ?? 'none',
    issuer: last?.issuer,
    endpoint: last?.endpoint ?? '',
    clientId: last?.clientId,
    // Legs of one exchange share their flights.
    inFlight: [...new Set(legs.map(({ flights }) => flights))].reduce((sum, flights) => sum + flights.size(), 0),
    routes: routes.filter(({ exchange }) => exchange === name).map(({ id }) => id),
    legs: legs.map(({ exchange, grant: { type, endpoint } }) => ({ exchange, grant: type, endpoint })),
    ...healthOf(legs),
  };
}

/** Ready when every leg is; the last success is the credential's own, the last failure the latest of any leg. */
function healthOf(legs: readonly CompiledLeg[]): HealthFacts {
  const facts = legs.map(({ health }) => health.facts());
  const failures = facts.flatMap(({ lastFailure }) => (lastFailure === undefined ? [] : [lastFailure]));
  return {
    ready: facts.length > 0 && facts.every(({ ready }) => ready),
    lastSuccessAt: facts.at(-1)?.lastSuccessAt,
    lastFailure: failures.sort((a, b) => b.at - a.at)[0],
  };
}
