// What two tokens say together is remembered with the subject's: for the very same two tokens, and nobody else.

import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { createTies } from '../../src/identity/ties.ts';
import type { VerifiedToken } from '../../src/principal.ts';
import { reasonOf } from '../support/identity-world.ts';

const iss = 'https://idp.corp.example';

function token(kind: 'user' | 'workload', sub: string, changes: Partial<VerifiedToken> = {}): VerifiedToken {
  return {
    token: new Secret(sub),
    principal: { kind, iss, sub, claims: {} },
    actors: [],
    audiences: ['postern', 'planner'],
    scopes: undefined,
    mayAct: undefined,
    expiresAt: 2_000_000_000,
    jti: `jti-${sub}`,
    txn: undefined,
    trust: 'corp',
    ...changes,
  };
}

const planner = token('workload', 'planner');

test('the same two tokens are the same parties and the same chain', (t) => {
  const ties = createTies(4);
  const alice = token('user', 'alice');
  const parties = ties.ofTwo(planner, alice);
  t.match(parties, { caller: planner.principal, subjectToken: alice, actorToken: planner, binding: 'audience' });
  t.equal(ties.ofTwo(planner, alice), parties);
  t.equal(ties.chainOf(ties.ofTwo(planner, alice)), ties.chainOf(parties));
  t.end();
});

test("a token that was used by the one it is for is still refused to another, and the first one's chain is not another's", async (t) => {
  const ties = createTies(4);
  const alice = token('user', 'alice');
  const chain = ties.chainOf(ties.ofTwo(planner, alice));
  const mallory = token('workload', 'mallory');
  t.equal(await reasonOf(() => ties.ofTwo(mallory, alice)), 'actor_not_bound');
  t.equal(await reasonOf(() => ties.ofTwo(mallory, alice)), 'actor_not_bound', 'and again');

  // Another token of the same name: its claims may say something else.
  const again = token('workload', 'planner');
  t.equal(ties.ofTwo(again, alice).actorToken, again);
  t.not(ties.chainOf(ties.ofTwo(again, alice)), chain);
  t.end();
});

test('parties that were found otherwise share the chain of the same caller and token', (t) => {
  const ties = createTies(4);
  const alice = token('user', 'alice');
  const parties = { caller: planner.principal, subjectToken: alice, actorToken: planner, binding: 'sidecar' } as const;
  const chain = ties.chainOf(parties);
  t.equal(ties.chainOf({ ...parties }), chain);
  t.not(ties.chainOf({ ...parties, caller: { ...planner.principal } }), chain);
  t.equal(ties.ofTwo(planner, alice).binding, 'audience', 'what two tokens say is not taken from elsewhere');
  t.end();
});

test('a token without an id begins a delegation with every call', (t) => {
  const ties = createTies(4);
  const alice = token('user', 'alice', { jti: undefined });
  const root = () => ties.chainOf(ties.ofTwo(planner, alice)).rootId;
  t.not(root(), root());
  t.end();
});
