// Configuration of a route's policy: who may call it, on whose behalf, how deep a chain, and which scopes a hop asks for.
// Conditions are compiled by permit.ts at load; this file only knows their shape.

import * as z from 'zod';
import { duration, identifier, scopeToken } from '../base/scalars.ts';

/** Deepest delegation chain a route may admit; every actor is verified, recorded and copied into tokens. */
export const maxChainDepth = 16;

/** Rules of one route; every one may be evaluated on every call. */
const maxRules = 256;

const expression = z.string().meta({
  title: 'CEL',
  examples: ['caller.sub.startsWith("spiffe://corp/ns/research/") && request.model.like("gpt-*")'],
});

const rule = z.strictObject({
  id: identifier.describe('Name of the rule: told in the span and the audit record of every call it allows.'),
  when: expression
    .default('true')
    .describe('Condition (CEL) under which the call is allowed; see the policy reference. Left out: always.'),
  description: z.string().max(500).optional().describe('What the rule is for, for people.'),
});

const limits = z.strictObject({
  chain_depth: z
    .int()
    .min(0)
    .max(maxChainDepth)
    .default(4)
    .describe('Longest delegation chain admitted, counted in actors; 0 admits only callers acting for themselves.'),
  token_ttl: duration
    .prefault('10m')
    .describe('Longest life of a credential obtained for this route, whatever the issuer grants.'),
});

const scopeList = z.array(scopeToken).max(64);

const noRules =
  'is required: a route without rules denies every call; write allow: [{ id: anyone, when: "true" }] to let every authenticated caller through';

/** Keys a route has for its policy. */
export const routePolicyShape = {
  on_behalf_of: z
    .enum(['required', 'required_any', 'optional', 'never'])
    .default('optional')
    .describe(
      'Whether a call acts for somebody other than the caller: `required` wants a user, `required_any` a user or another workload, `never` refuses any subject but the caller.',
    ),
  allow: z
    .array(rule, { error: (issue) => (issue.input === undefined ? noRules : undefined) })
    .min(1, noRules)
    .max(maxRules)
    .check(uniqueIds)
    .describe('Rules in order; the first that holds allows the call and is recorded. None holds: the call is denied.'),
  limits: limits.prefault({}).describe('Bounds on the delegation chain and on the life of credentials.'),
  scopes: scopeList.optional().describe('Scopes to ask the issuer for. Not together with `scopes_by`.'),
  scopes_by: z
    .record(expression, scopeList)
    .optional()
    .describe(
      'Scopes to ask for, by condition (CEL), in order: the first that holds decides, and a call for which none holds is denied. Not together with `scopes`.',
    ),
};

export type RoutePolicy = z.output<z.ZodObject<typeof routePolicyShape>>;

function uniqueIds(context: z.core.ParsePayload<readonly { readonly id: string }[]>): void {
  const seen = new Set<string>();
  for (const [index, { id }] of context.value.entries()) {
    if (seen.has(id)) {
      context.issues.push({
        code: 'custom',
        input: id,
        path: [index, 'id'],
        message: `is used by another rule of this route: ${id}; give each rule its own id`,
      });
    }
    seen.add(id);
  }
}
