// The policy reference shows only what works: every example compiles, every function listed can be used.

import { test } from 'tap';
import { claimsExamples, policyExamples } from '../../scripts/reference/policy.ts';
import { compileClaimsRule, compileCondition } from '../../src/policy/expression.ts';
import { factsOf } from '../../src/policy/facts.ts';
import { functions, variables } from '../../src/policy/vocabulary.ts';
import { routedCall } from '../support/policy-call.ts';
import { collectProblems } from '../support/policy-problems.ts';

test('every example compiles', (t) => {
  const { report, lines } = collectProblems();
  for (const { when } of policyExamples) compileCondition(when, [when], report);
  for (const when of claimsExamples) compileClaimsRule(when, [when], report);
  t.strictSame(lines(), []);
  t.end();
});

test('every variable and field listed has a value of the type listed', (t) => {
  const facts = factsOf(routedCall(), 0);
  for (const { name, fields } of variables) {
    for (const field of fields ?? [{ name: '', type: 'timestamp' }]) {
      const path = field.name === '' ? name : `${name}.${field.name}`;
      const type = field.type.replace(/<.*/, '');
      const right = type === 'timestamp' ? `${path} == timestamp("1970-01-01T00:00:00Z")` : `type(${path}) == ${type}`;
      const problems = collectProblems();
      const condition = compileCondition(right, [], problems.report);
      t.equal(condition?.(facts), true, `${path} is a ${type} ${problems.lines().join()}`);
    }
  }
  t.end();
});

test('every function listed can be used as it is written', (t) => {
  for (const { form } of functions) {
    const written = form
      .replace(/^text\b/, 'request.model')
      .replace(/^list\b/, 'chain.actors')
      .replace(/\bx\.?(?=\))/, form.startsWith('size') ? 'request.model' : '"1"')
      .replace('condition', 'x.sub != ""')
      .replace('value', 'x.sub')
      .replace('prefix', '"a"')
      .replace('suffix', '"a"')
      .replace('part', '"a"');
    const problems = collectProblems();
    compileCondition(
      /has|like|With|contains|exists|all\(|==/.test(written) ? written : `${written} == ${written}`,
      [],
      problems.report,
    );
    t.strictSame(problems.lines(), [], written);
  }
  t.end();
});
