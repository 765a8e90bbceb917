// A route's policy at work: who is let through, by which rule, with which scopes; everything else is refused with its reason.

import { test } from 'tap';
import { z } from 'zod';
import type { RoutedCall } from '../../src/call.ts';
import { createPermit, type Permit } from '../../src/policy/permit.ts';
import { routePolicyShape } from '../../src/policy/schema.ts';
import { actor, type PolicyWorld, routedCall } from '../support/policy-call.ts';
import { collectProblems } from '../support/policy-problems.ts';

const schema = z.strictObject(routePolicyShape);
type Written = z.input<typeof schema>;

const research: Written = {
  on_behalf_of: 'required',
  allow: [
    { id: 'small-models', when: 'request.model.like("gpt-*-mini")' },
    { id: 'research', when: 'caller.sub.startsWith("spiffe://corp/ns/research/")' },
  ],
  limits: { chain_depth: 2 },
  scopes: ['model.invoke'],
};

function permitOf(written: Written): Permit {
  const problems = collectProblems();
  const permit = createPermit({
    routes: [{ ...schema.parse(written), id: 'openai', path: ['routes', 0] }],
    clock: { now: () => Date.parse('2026-06-15T12:00:00Z') },
    report: problems.report,
  });
  if (problems.problems.length > 0) throw new Error(problems.lines().join('\n'));
  return permit;
}

function problemsOf(written: Written): string[] {
  const problems = collectProblems();
  const route = { ...schema.parse(written), id: 'openai', path: ['routes', 0] };
  createPermit({ routes: [route], clock: { now: () => 0 }, report: problems.report });
  return problems.lines();
}

const call = (world?: PolicyWorld): RoutedCall => routedCall(world);

test('the first rule that holds allows the call, and is recorded with the version of the policy', (t) => {
  const policy = permitOf(research);
  const permitted = policy.permit(call());
  t.equal(permitted.decision.rule, 'small-models');
  t.equal(permitted.decision.policyVersion, policy.version);
  t.strictSame(permitted.scopes, ['model.invoke']);
  t.equal(policy.permit(call({ facts: { model: 'o9' } })).decision.rule, 'research');
  t.end();
});

test('no rule holds: denied', (t) => {
  const elsewhere = call({ facts: { model: 'o9' }, caller: { sub: 'spiffe://corp/ns/sales/sa/bot' } });
  t.throws(() => permitOf(research).permit(elsewhere), {
    name: 'Refusal',
    reason: 'policy_denied',
    code: 'access_denied',
  });
  t.end();
});

test('a rule that cannot be evaluated refuses the call, even where a later rule would allow it', (t) => {
  const policy = permitOf({
    allow: [
      { id: 'cleared', when: 'caller.claims.clearance > 2' },
      { id: 'anyone', when: 'true' },
    ],
  });
  t.throws(() => policy.permit(call()), {
    name: 'Refusal',
    reason: 'policy_failed',
    detail: 'rule cleared failed: no_such_key',
  });
  t.equal(policy.permit(call({ caller: { claims: { clearance: 3 } } })).decision.rule, 'cleared');
  t.equal(policy.permit(call({ caller: { claims: { clearance: 1 } } })).decision.rule, 'anyone');
  t.end();
});

test('a route acting on behalf of a user refuses a caller acting for itself', (t) => {
  t.throws(() => permitOf(research).permit(call({ subject: null })), { name: 'Refusal', reason: 'subject_missing' });
  t.equal(
    permitOf({ ...research, on_behalf_of: 'optional' }).permit(call({ subject: null })).decision.rule,
    'small-models',
  );
  t.end();
});

test('another workload is no user: a route has to say that it will do', (t) => {
  const spokenFor = call({ subject: { kind: 'workload', sub: 'spiffe://corp/ns/research/sa/nightly' } });
  t.throws(() => permitOf(research).permit(spokenFor), {
    name: 'Refusal',
    reason: 'subject_not_a_user',
    code: 'subject_required',
  });
  const any = permitOf({ ...research, on_behalf_of: 'required_any' });
  t.equal(any.permit(spokenFor).decision.rule, 'small-models');
  t.equal(any.permit(call()).decision.rule, 'small-models');
  t.throws(() => any.permit(call({ subject: null })), { name: 'Refusal', reason: 'subject_missing' });
  t.end();
});

test('who somebody is takes issuer and subject: the same name at another issuer is somebody else', (t) => {
  const policy = permitOf({ ...research, on_behalf_of: 'never' });
  t.throws(() => policy.permit(call()), { name: 'Refusal', reason: 'subject_not_allowed' });
  const namesake = { sub: call().caller.sub, iss: 'https://other.example' };
  t.throws(() => policy.permit(call({ subject: namesake })), { name: 'Refusal', reason: 'subject_not_allowed' });
  t.equal(policy.permit(call({ subject: null })).decision.rule, 'small-models');
  t.end();
});

test('a chain longer than the route admits is refused before any rule is asked', (t) => {
  const policy = permitOf(research);
  t.equal(policy.permit(call({ prior: [actor('planner')] })).decision.rule, 'small-models');
  t.throws(() => policy.permit(call({ prior: [actor('planner'), actor('desk')] })), {
    name: 'Refusal',
    reason: 'chain_too_deep',
  });
  t.end();
});

test('scopes_by: the first line that holds decides, and none holding denies', (t) => {
  const policy = permitOf({
    allow: [{ id: 'anyone' }],
    scopes_by: {
      'request.method == "GET"': ['tickets.read'],
      'request.method == "POST"': ['tickets.read', 'tickets.write'],
    },
  });
  t.strictSame(policy.permit(call({ facts: { method: 'GET' } })).scopes, ['tickets.read']);
  t.strictSame(policy.permit(call()).scopes, ['tickets.read', 'tickets.write']);
  t.throws(() => policy.permit(call({ facts: { method: 'DELETE' } })), {
    name: 'Refusal',
    reason: 'policy_denied',
    detail: 'no line of scopes_by holds',
  });
  t.end();
});

test('a route without policy lets nobody through', (t) => {
  t.throws(() => permitOf(research).permit(call({ route: 'unknown' })), { name: 'Refusal', reason: 'policy_failed' });
  t.end();
});

test('the version follows what the policy says, not how it is written', (t) => {
  const version = permitOf(research).version;
  const reformatted = research.allow.map((rule) => ({ ...rule, when: `  ${rule.when?.replace('(', '( ')} // note` }));
  t.equal(permitOf({ ...research, allow: reformatted }).version, version);
  t.match(version, /^[\w-]{12}$/);
  for (const change of [
    { limits: { chain_depth: 3 } },
    { scopes: ['model.read'] },
    { on_behalf_of: 'optional' as const },
    { allow: [...research.allow].reverse() },
    { allow: [{ id: 'small-models', when: 'request.model.like("gpt-*-nano")' }] },
  ]) {
    t.not(permitOf({ ...research, ...change }).version, version, JSON.stringify(change));
  }
  t.end();
});

test('explain tells what every check says, also those a call did not reach', (t) => {
  const policy = permitOf({
    ...research,
    allow: [...research.allow, { id: 'cleared', when: 'caller.claims.clearance > 2' }],
  });
  t.strictSame(policy.explain(call({ subject: null, facts: { model: 'o9' } })), [
    { check: 'on_behalf_of', rule: undefined, outcome: 'does_not_hold', detail: 'the caller acts for itself' },
    { check: 'chain_depth', rule: undefined, outcome: 'holds', detail: undefined },
    { check: 'allow', rule: 'small-models', outcome: 'does_not_hold', detail: undefined },
    { check: 'allow', rule: 'research', outcome: 'holds', detail: undefined },
    { check: 'allow', rule: 'cleared', outcome: 'failed', detail: 'no_such_key' },
    { check: 'scopes', rule: 'true', outcome: 'holds', detail: 'model.invoke' },
  ]);
  t.end();
});

test('what could never decide is a problem at load', (t) => {
  const lines = problemsOf({
    allow: [{ id: 'anyone' }, { id: 'late', when: 'request.method == "GET"' }],
    scopes: ['a'],
    scopes_by: { true: ['a'], 'request.modle == "x"': ['b'] },
  });
  t.strictSame(
    lines.map((line) => line.replace(/; did you mean model.*/, '')),
    [
      'routes.0.allow.1.when  is never reached: anyone before it holds for every call; move it up or remove it',
      'routes.0.scopes_by.request.modle == "x"  is never reached: true before it holds for every call; move it up or remove it',
      'routes.0.scopes_by  stands beside scopes; keep one; a last line \'true\': [...] in scopes_by stands for "otherwise"',
      'routes.0.scopes_by.request.modle == "x"  uses unknown field modle of request, at character 9',
    ],
  );
  t.end();
});
