// Attack: an agent sends a text, or an issuer mints a token, that makes one policy decision take seconds, and with it
// every other call of the process (one event loop): a backtracking regular expression over the path (ReDoS), a pattern
// taken from a claim, lists iterated within lists, a claim with a hundred thousand entries, nesting that ends the stack.

import { test } from 'tap';
import { compileCondition } from '../../src/policy/expression.ts';
import { factsOf } from '../../src/policy/facts.ts';
import { routedCall } from '../support/policy-call.ts';
import { collectProblems } from '../support/policy-problems.ts';

function problemOf(text: string): string | undefined {
  const problems = collectProblems();
  compileCondition(text, ['when'], problems.report);
  return problems.lines()[0];
}

test('expressions whose cost an agent could drive up do not load', (t) => {
  t.match(problemOf('request.path.matches("(a+)+$")'), /unknown function matches/);
  t.match(problemOf('request.path.like(caller.claims.prefix + "*")'), /pattern that is not a literal/);
  const nested = 'caller.claims.a.exists(x, caller.claims.b.exists(y, x == y))';
  t.match(problemOf(nested), /may take \d+ steps, more than 100000; do not iterate a list within a list/);
  t.match(problemOf('caller.claims.a.exists(x, x in caller.claims.b)'), /may take \d+ steps/);
  t.match(problemOf('(caller.claims.a + caller.claims.b).exists(x, x in caller.claims.b)'), /may take \d+ steps/);
  t.match(problemOf('caller.claims.a.exists(x, now.getHours("Asia/Tokyo") == x)'), /may take \d+ steps/);
  t.equal(problemOf('chain.actors.all(a, chain.actors.exists_one(b, b.sub == a.sub))'), undefined, 'short lists may');
  t.equal(problemOf('caller.claims.a.exists(x, x in ["one", "two"])'), undefined);
  t.end();
});

test('expressions too large to read do not load', (t) => {
  t.match(problemOf(`"${'x'.repeat(4_096)}" == caller.sub`), /longer than 4096 characters/);
  t.match(problemOf(Array.from({ length: 200 }, () => '1 == 1').join(' || ')), /is too large: exceeded maxAstNodes/);
  t.match(problemOf(`${'('.repeat(100)}true${')'.repeat(100)}`), /is too large: exceeded maxDepth/);
  t.match(problemOf(`${'!'.repeat(3_000)}true`), /./);
  t.match(problemOf(`caller.sub in [${Array.from({ length: 300 }, (_, n) => `"${n}"`).join(',')}]`), /maxListElements/);
  t.end();
});

test('claims larger than the bounds fail the rule that reads them, and no other', (t) => {
  const hundredThousand = Array.from({ length: 100_000 }, (_, n) => n);
  const deep = JSON.parse(`${'['.repeat(100)}1${']'.repeat(100)}`);
  const wide = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`claim${n}`, n]));
  for (const claims of [{ groups: hundredThousand }, { groups: deep }, wide]) {
    const facts = factsOf(routedCall({ caller: { claims } }), 0);
    const reading = compileCondition('"x" in caller.claims.groups', [], () => {});
    t.throws(() => reading?.(facts), { name: 'EvaluationFailure', code: 'limit_exceeded' });
    t.equal(compileCondition('caller.kind == "workload"', [], () => {})?.(facts), true);
  }
  t.end();
});
