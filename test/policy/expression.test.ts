// What a condition can say, what it answers over the facts of a call, and how a mistake in one is told at load.

import { test } from 'tap';
import { compileClaimsRule, compileCondition } from '../../src/policy/expression.ts';
import { factsOf } from '../../src/policy/facts.ts';
import { actor, claimsFrom, type PolicyWorld, routedCall } from '../support/policy-call.ts';
import { collectProblems } from '../support/policy-problems.ts';

const noon = Date.parse('2026-06-15T12:30:00Z');

/** The answer of the condition, or the code of its failure. */
function answer(text: string, world: PolicyWorld = {}): boolean | string {
  const problems = collectProblems();
  const condition = compileCondition(text, ['when'], problems.report);
  if (condition === undefined) return `problem: ${problems.lines()[0]}`;
  try {
    return condition(factsOf(routedCall(world), noon));
  } catch (failure) {
    return failure instanceof Error ? failure.message : 'thrown';
  }
}

test('conditions over who calls, for whom, and what', (t) => {
  const stories: [string, boolean][] = [
    ['true', true],
    ['caller.sub.startsWith("spiffe://corp/ns/research/") && request.model.startsWith("gpt-")', true],
    ['caller.kind == "workload" && subject.kind == "user"', true],
    ['caller.iss == subject.iss', true],
    ['"research" in caller.claims.groups', true],
    ['caller.claims.groups.exists(group, group.startsWith("us"))', false],
    ['caller.claims.tier >= 2', true],
    ['caller.claims.ratio < 0.75', true],
    ['has(subject.claims.email) && subject.claims.email.endsWith("@example.com")', true],
    ['has(subject.claims.phone)', false],
    ['chain.depth == 2 && chain.actors[1].sub == "planner"', true],
    ['chain.actors.all(a, a.iss == caller.iss)', true],
    ['chain.actors.filter(a, a.sub == "planner").size() == 1', true],
    ['chain.binding in ["audience", "may_act"]', true],
    ['request.operation == "chat" && request.stream', true],
    ['request.path.like("/v1/*/completions")', true],
    ['route.id == "openai" && route.provider == "openai"', true],
    ['now < timestamp("2026-12-31T00:00:00Z")', true],
    ['now.getHours() == 12 && now.getHours("Europe/Berlin") == 14', true],
    ['now - timestamp("2026-06-15T12:00:00Z") < duration("1h")', true],
    ['type(caller.claims.groups) == list', true],
  ];
  for (const [text, expected] of stories) t.equal(answer(text, { prior: [actor('planner')] }), expected, text);
  t.end();
});

test('an absent fact makes a positive condition false, never an error', (t) => {
  const bare = { facts: { model: undefined, operation: undefined, tool: undefined, stream: undefined } };
  for (const text of [
    'request.model.startsWith("gpt-")',
    'request.operation == "chat"',
    'request.tool.like("*_read")',
    'request.stream',
    'request.mcp_version == "2025-06-18"',
  ]) {
    t.equal(answer(text, bare), false, text);
  }
  t.end();
});

test('what cannot be answered fails; it is neither true nor false', (t) => {
  t.equal(answer('caller.claims.clearance > 2'), 'no_such_key');
  t.equal(answer('!caller.claims.suspended'), 'no_such_key');
  t.equal(answer('caller.claims.groups > 2'), 'no_such_overload');
  t.equal(answer('chain.actors[7].sub == "x"'), 'index_out_of_bounds');
  t.equal(answer('caller.claims.tier.startsWith("2")'), 'no_matching_overload');
  t.end();
});

test('a mistake is told at load, with its place and its mend', (t) => {
  const known = 'known: caller, subject, chain, request, route, now';
  const stories: [string, string][] = [
    [
      'request.modle == "gpt-5"',
      'uses unknown field modle of request, at character 9; did you mean model? known: method, path, operation, model, tool, resource, stream, mcp_version',
    ],
    ['user.sub == "alice"', `uses unknown variable user, at character 1; ${known}`],
    ['callr.sub == "a"', `uses unknown variable callr, at character 1; did you mean caller? ${known}`],
    ['model == "gpt-5"', `uses unknown variable model, at character 1; did you mean request.model? ${known}`],
    ['request.method = "GET"', 'unexpected character: =, at character 16; use == to compare'],
    [
      'caller.sub == 5',
      'no such overload: string == int, at character 1; docs/reference/policy.md lists what an expression may use',
    ],
    [
      'true &&\n  (caller.sub',
      'expected RPAREN, got EOF, at line 2, character 14; docs/reference/policy.md lists what an expression may use',
    ],
    [
      'caller.claims.admin',
      'is not true or false but of unknown type; compare the claim with a value, such as `claims.admin == true`',
    ],
    [
      'now.getHours("Nowhere/Land") == 1',
      'uses getHours() with an unknown time zone, at character 14; write a name such as "Europe/Berlin"',
    ],
    ['caller.sub', 'is not true or false but a string; write a condition'],
    [
      'chain.actors.exists(a, a.subject == "x")',
      'uses unknown field subject, at character 26; docs/reference/policy.md lists what an expression may use',
    ],
  ];
  for (const [text, expected] of stories) t.equal(answer(text), `problem: when  ${expected}`, text);
  t.end();
});

test('has() is held to known fields like any other access', (t) => {
  t.match(answer('!has(request.modle)'), /uses unknown field modle of request, at character 14; did you mean model\?/);
  t.match(answer('chain.actors.exists(a, has(a.subb))'), /uses unknown field subb of a/);
  t.match(answer('chain.actors.filter(b, true).exists(a, !has(a.subb))'), /uses unknown field subb of a/);
  t.equal(answer('has(request.model)'), true);
  t.end();
});

test('functions outside the vocabulary are refused', (t) => {
  t.match(answer('request.path.matches("^/v1/(a+)+$")'), /unknown function matches\(\).*did you mean like\(\)\?/);
  t.match(answer('dyn(request).modle == "x"'), /unknown function dyn\(\)/);
  t.match(answer('request.path.split("").size() > 3'), /unknown function split\(\)/);
  t.match(answer('cel.bind(x, 1, x == 1)'), /unknown function bind\(\)/);
  t.match(answer('request.model.startWith("gpt")'), /did you mean startsWith\(\)\?/);
  t.end();
});

test('a rule over claims: identity tells users from workloads with it', (t) => {
  const problems = collectProblems();
  const rule = compileClaimsRule('has(claims.client_id) && claims.sub == claims.client_id', ['when'], problems.report);
  t.equal(rule?.({ client_id: 'agent', sub: 'agent' }), true);
  t.equal(rule?.({ sub: 'alice' }), false);

  const unguarded = compileClaimsRule('claims.sub == claims.client_id', ['when'], problems.report);
  t.throws(() => unguarded?.({ sub: 'alice' }), {
    name: 'Refusal',
    reason: 'principal_kind_undecided',
    detail: /no_such_key/,
  });

  compileClaimsRule('caller.sub == "x"', ['trust', 0, 'workload_when'], problems.report);
  t.strictSame(problems.lines(), [
    'trust.0.workload_when  uses unknown variable caller, at character 1; known: claims',
  ]);
  t.end();
});

test('claims named like parts of a prototype are plain claims', (t) => {
  const claims = claimsFrom('{"constructor": "x", "__proto__": {"admin": true}, "o": {"constructor": {"a": 1}}}');
  const world = { caller: { claims } };
  t.equal(answer('caller.claims.constructor == "x"', world), true);
  t.equal(answer('caller.claims.o.constructor.a == 1', world), true);
  t.equal(answer('has(caller.claims.admin)', world), false, 'nothing is inherited');
  t.equal(answer('has(caller.claims.toString)', world), false);
  t.equal(answer('"hasOwnProperty" in caller.claims', world), false);
  t.end();
});
