import fc from 'fast-check';
import { test } from 'tap';
import type { JsonObject } from '../../../src/principal.ts';
import { expectBound, growChain, maxActors, type Party } from '../../../src/sts/token-exchange/delegation.ts';
import type { OwnToken } from '../../../src/sts/tokens.ts';

const invalidRequest = /invalid_request/;
const iss = 'https://sts.example';
const actor: Party = { iss, sub: 'agent:planner', clientId: 'planner' };

function token(changes: Partial<OwnToken> = {}): OwnToken {
  return {
    sub: 'alice',
    iss,
    audiences: ['agent:planner'],
    clientId: 'login',
    scopes: undefined,
    jti: 'j',
    exp: 2_000_000_000,
    act: undefined,
    mayAct: undefined,
    txn: undefined,
    subProfile: undefined,
    claims: {},
    ...changes,
  };
}

function bound(subject: OwnToken): boolean {
  try {
    expectBound(subject, actor, 'actor');
    return true;
  } catch {
    return false;
  }
}

test('a subject token lets the one act that it is addressed to, by subject or client id', (t) => {
  t.ok(bound(token()));
  t.ok(bound(token({ audiences: ['other', 'planner'] })));
  t.notOk(bound(token({ audiences: [] })));
  t.notOk(bound(token({ audiences: ['agent:plan'] })));
  t.notOk(bound(token({ audiences: ['AGENT:PLANNER'] })));
  t.end();
});

test('may_act, where there is one, is the whole answer', (t) => {
  const nobody = { audiences: [] };
  t.ok(bound(token({ ...nobody, mayAct: { sub: 'agent:planner' } })));
  t.ok(bound(token({ ...nobody, mayAct: { sub: 'agent:planner', iss } })));
  t.ok(bound(token({ ...nobody, mayAct: { client_id: 'planner' } })));
  const refused: unknown[] = [
    { sub: 'agent:researcher' },
    { sub: 'agent:planner', iss: 'https://other.example' },
    { sub: 'agent:planner', client_id: 'researcher' },
    { iss },
    { sub: ['agent:planner'] },
    {},
    { email: 'planner@example.com' },
    'agent:planner',
    null,
    ['agent:planner'],
  ];
  for (const mayAct of refused) t.notOk(bound(token({ mayAct })), `addressed to it, but ${JSON.stringify(mayAct)}`);
  t.end();
});

function chainOf(length: number): JsonObject | undefined {
  let act: JsonObject | undefined;
  for (let index = 0; index < length; index += 1) act = { sub: `a${index}`, ...(act === undefined ? {} : { act }) };
  return act;
}

test('a chain grows to its limit and is then refused, never cut', (t) => {
  const added = token({ sub: 'agent:planner' });
  const longest = growChain(chainOf(maxActors - 1), added);
  t.strictSame(longest, { sub: 'agent:planner', iss, act: chainOf(maxActors - 1) });
  t.throws(() => growChain(chainOf(maxActors), added), invalidRequest);
  t.throws(() => growChain(chainOf(maxActors + 1), undefined), invalidRequest);
  t.strictSame(growChain(chainOf(maxActors), undefined), chainOf(maxActors));
  t.end();
});

test('a malformed prior chain is refused, at any depth', (t) => {
  const added = token({ sub: 'agent:planner' });
  const malformed: unknown[] = ['x', null, [], {}, { iss }, { sub: 1 }, { sub: 'a', act: null }, { sub: 'a', act: [] }];
  for (const act of malformed) {
    t.throws(() => growChain(act, added), invalidRequest, JSON.stringify(act));
    t.throws(() => growChain(act, undefined), invalidRequest, JSON.stringify(act));
  }
  t.end();
});

test('whatever the prior chain, it is inside the new one verbatim or the exchange is refused', (t) => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (act) => {
      let grown: JsonObject | undefined;
      try {
        grown = growChain(act, token({ sub: 'agent:planner' }));
      } catch {
        return;
      }
      t.strictSame(grown, { sub: 'agent:planner', iss, act });
    }),
    { seed: 1, numRuns: 200 },
  );
  t.end();
});
