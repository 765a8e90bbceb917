// Compiles the policy of each route once, at load: conditions become functions, and the policy text gets a version.
// Every problem is reported, none is thrown. A rule that can never decide is a problem too: its author meant something.

import { digest } from '../base/digest.ts';
import type { Report } from '../base/problem.ts';
import { type Condition, canonicalExpression, compileCondition } from './expression.ts';
import type { RoutePolicy } from './schema.ts';

/** A route's policy as configured. */
export interface PolicyRoute extends RoutePolicy {
  readonly id: string;
  /** Where the route stands in the configuration, e.g. ['routes', 0]. */
  readonly path: readonly (string | number)[];
}

export interface CompiledRule {
  readonly id: string;
  readonly holds: Condition;
}

/** One line of `scopes_by`; a route with plain `scopes` has one line that always holds. */
export interface ScopesLine {
  readonly when: string;
  readonly holds: Condition;
  readonly scopes: readonly string[];
}

export interface CompiledPolicy {
  readonly onBehalfOf: RoutePolicy['on_behalf_of'];
  readonly chainDepth: number;
  readonly rules: readonly CompiledRule[];
  readonly scopes: readonly ScopesLine[];
}

export function compilePolicy(route: PolicyRoute, report: Report): CompiledPolicy {
  const rules = route.allow.map(({ id, when }, index) => ({
    id,
    when,
    path: [...route.path, 'allow', index, 'when'],
  }));
  const lines = Object.entries(route.scopes_by ?? {}).map(([when, scopes]) => ({
    id: when,
    when,
    scopes,
    path: [...route.path, 'scopes_by', when],
  }));
  reportUnreached(rules, report);
  reportUnreached(lines, report);
  if (route.scopes !== undefined && route.scopes_by !== undefined) {
    const mend = 'keep one; a last line \'true\': [...] in scopes_by stands for "otherwise"';
    report({ path: [...route.path, 'scopes_by'], what: 'stands beside scopes', mend });
  }

  return {
    onBehalfOf: route.on_behalf_of,
    chainDepth: route.limits.chain_depth,
    rules: rules.map(({ id, when, path }) => ({ id, holds: compiled(when, path, report) })),
    scopes:
      route.scopes_by === undefined
        ? [{ when: 'true', holds: () => true, scopes: route.scopes ?? [] }]
        : lines.map(({ when, scopes, path }) => ({ when, scopes, holds: compiled(when, path, report) })),
  };
}

/** A short digest of all that policy says, the same for the same policy however it is formatted or ordered by route. */
export function policyVersionOf(routes: readonly PolicyRoute[]): string {
  const sorted = routes.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const fields = sorted.flatMap((route) => [
    route.id,
    route.on_behalf_of,
    String(route.limits.chain_depth),
    String(route.limits.token_ttl),
    route.allow.flatMap(({ id, when }) => [id, canonicalExpression(when)]),
    route.scopes,
    ...Object.entries(route.scopes_by ?? {}).map(([when, scopes]) => [canonicalExpression(when), ...scopes]),
  ]);
  return digest(fields).slice(0, 12);
}

interface Conditional {
  readonly id: string;
  readonly when: string;
  readonly path: readonly (string | number)[];
}

const always = canonicalExpression('true');

function reportUnreached(conditionals: readonly Conditional[], report: Report): void {
  const last = conditionals.findIndex(({ when }) => canonicalExpression(when) === always);
  if (last === -1) return;
  for (const { path } of conditionals.slice(last + 1)) {
    const what = `is never reached: ${conditionals[last]?.id ?? ''} before it holds for every call`;
    report({ path, what, mend: 'move it up or remove it' });
  }
}

/** A condition that does not compile has been reported and stops the start; until then it holds for nothing. */
function compiled(when: string, path: readonly (string | number)[], report: Report): Condition {
  return compileCondition(when, path, report) ?? (() => false);
}
