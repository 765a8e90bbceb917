// May this call happen? Revocation first, delegation next, then the route's rules in order; the first that holds allows, none denies.
// Must never allow a call because a rule could not be evaluated: a failed rule refuses it (fail closed).

import { Refusal } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { Report } from '../base/problem.ts';
import type { PermittedCall, RoutedCall } from '../call.ts';
import { type CompiledPolicy, compilePolicy, type PolicyRoute, policyVersionOf } from './compile.ts';
import { type Condition, EvaluationFailure } from './expression.ts';
import { factsOf, type PolicyFacts } from './facts.ts';

export type { PolicyRoute } from './compile.ts';

export interface PermitOptions {
  readonly routes: readonly PolicyRoute[];
  /** Why a call's parties, tokens or route may not be used any more; asked before anything else. */
  readonly revoked?: (call: RoutedCall) => Refusal | undefined;
  readonly clock: Clock;
  readonly report: Report;
}

/** What one check of the policy says of a call, whatever the checks before it said. */
export interface RuleTrace {
  readonly check: 'not_revoked' | 'on_behalf_of' | 'chain_depth' | 'allow' | 'scopes';
  /** Id of the rule, or the condition of the scopes line. */
  readonly rule: string | undefined;
  readonly outcome: 'holds' | 'does_not_hold' | 'failed';
  /** Why it failed, free of values; for a scopes line that holds, the scopes. */
  readonly detail: string | undefined;
}

export interface Permit {
  /** @throws Refusal `*_revoked`, `subject_missing`, `subject_not_a_user`, `subject_not_allowed`, `chain_too_deep`, `policy_denied` or `policy_failed`. */
  permit(call: RoutedCall): PermittedCall;
  /** Every check, evaluated on its own: why a call was or would be allowed or denied. */
  explain(call: RoutedCall): readonly RuleTrace[];
  /** Short digest of the policy text in force. */
  readonly version: string;
}

export function createPermit({ routes, revoked, clock, report }: PermitOptions): Permit {
  const policies = new Map(routes.map((route) => [route.id, compilePolicy(route, report)]));
  const version = policyVersionOf(routes);

  const policyOf = (call: RoutedCall): CompiledPolicy => {
    const policy = policies.get(call.route.id);
    if (policy === undefined) throw new Refusal('policy_failed', { detail: 'the route has no policy' });
    return policy;
  };

  function permit(call: RoutedCall): PermittedCall {
    const policy = policyOf(call);
    const refusal = revoked?.(call) ?? subjectRefusal(call, policy) ?? depthRefusal(call, policy);
    if (refusal !== undefined) throw refusal;

    const facts = factsOf(call, clock.now());
    const rule = policy.rules.find((one) => evaluated(one, facts));
    if (rule === undefined) throw new Refusal('policy_denied', { detail: 'no rule of the route holds' });
    const line = policy.scopes.find((one) => evaluated(one, facts));
    if (line === undefined) throw new Refusal('policy_denied', { detail: 'no line of scopes_by holds' });
    return { ...call, decision: { rule: rule.id, policyVersion: version }, scopes: line.scopes };
  }

  function explain(call: RoutedCall): readonly RuleTrace[] {
    const policy = policyOf(call);
    const facts = factsOf(call, clock.now());
    return [
      ...(revoked === undefined ? [] : [delegationTrace('not_revoked', revoked(call))]),
      delegationTrace('on_behalf_of', subjectRefusal(call, policy)),
      delegationTrace('chain_depth', depthRefusal(call, policy)),
      ...policy.rules.map(({ id, holds }) => traceOf('allow', id, holds, facts)),
      ...policy.scopes.map(({ when, holds, scopes }) => traceOf('scopes', when, holds, facts, scopes.join(' '))),
    ];
  }

  return { permit, explain, version };
}

function subjectRefusal({ caller, subject }: RoutedCall, { onBehalfOf }: CompiledPolicy): Refusal | undefined {
  const same = caller.iss === subject.iss && caller.sub === subject.sub;
  const wanted = onBehalfOf === 'required' || onBehalfOf === 'required_any';
  if (wanted && same) return new Refusal('subject_missing', { detail: 'the caller acts for itself' });
  // A workload that is spoken for is no user: nobody signed in, and no person answers for what is done.
  if (onBehalfOf === 'required' && subject.kind !== 'user')
    return new Refusal('subject_not_a_user', { detail: 'the caller acts for another workload' });
  if (onBehalfOf === 'never' && !same)
    return new Refusal('subject_not_allowed', { detail: 'the route admits no subject' });
  return undefined;
}

function depthRefusal({ chain }: RoutedCall, { chainDepth }: CompiledPolicy): Refusal | undefined {
  const depth = chain.actors.length;
  if (depth <= chainDepth) return undefined;
  return new Refusal('chain_too_deep', { detail: `${depth} actors, the route admits ${chainDepth}` });
}

/** @param condition of a rule, which has an id, or of a line of scopes */
function evaluated({ id, holds }: { readonly id?: string; readonly holds: Condition }, facts: PolicyFacts): boolean {
  try {
    return holds(facts);
  } catch (cause) {
    const name = id === undefined ? 'a condition of scopes_by' : `rule ${id}`;
    throw new Refusal('policy_failed', { detail: `${name} failed: ${failureCode(cause)}`, cause });
  }
}

function failureCode(failure: unknown): string {
  return failure instanceof EvaluationFailure ? failure.code : 'not_evaluable';
}

function delegationTrace(
  check: 'not_revoked' | 'on_behalf_of' | 'chain_depth',
  refusal: Refusal | undefined,
): RuleTrace {
  const outcome = refusal === undefined ? 'holds' : 'does_not_hold';
  return { check, rule: undefined, outcome, detail: refusal?.detail };
}

function traceOf(
  check: 'allow' | 'scopes',
  rule: string,
  holds: Condition,
  facts: PolicyFacts,
  detail?: string,
): RuleTrace {
  try {
    const held = holds(facts);
    return { check, rule, outcome: held ? 'holds' : 'does_not_hold', detail: held ? detail : undefined };
  } catch (failure) {
    return { check, rule, outcome: 'failed', detail: failureCode(failure) };
  }
}
