// The chain: how a caller is bound to a subject's token, and how the chain grows by one.

import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { bindActor, growChain, isName, readActors } from '../../src/identity/delegation.ts';
import type { JsonObject, Principal, VerifiedToken } from '../../src/principal.ts';
import { reasonOf } from '../support/identity-world.ts';

const corp = 'https://idp.corp.example';
const other = 'https://idp.other.example';

const agent: Principal = {
  kind: 'workload',
  iss: corp,
  sub: 'agent-b',
  claims: { client_id: 'client-b', azp: 'party-b' },
};

function subjectToken(changes: Partial<VerifiedToken> = {}, act?: JsonObject): VerifiedToken {
  return {
    token: new Secret('x'),
    principal: { kind: 'user', iss: corp, sub: 'alice', claims: {} },
    actors: readActors(act),
    audiences: ['postern', 'agent-b'],
    scopes: undefined,
    mayAct: undefined,
    expiresAt: 2_000_000_000,
    jti: undefined,
    txn: undefined,
    trust: 'corp',
    ...changes,
  };
}

test('a name is text that can be shown as it is', (t) => {
  for (const name of ['agent-b', 'spiffe://corp/b', 'Zoë', 'a'.repeat(1_024)]) t.ok(isName(name), name.slice(0, 20));
  const marks = ['\u0000', '\n', '\u009b', '\u2028', '\u202e', '\u2066', '\ud800'];
  for (const mark of marks) t.notOk(isName(`alice${mark}bob`), `U+${mark.charCodeAt(0).toString(16)}`);
  for (const other of ['', 'a'.repeat(1_025), 7, null, undefined]) t.notOk(isName(other));
  t.end();
});

test('the audience binds by subject, and by client where the issuer is the same', async (t) => {
  const bound = (audience: string, caller = agent) =>
    reasonOf(() => bindActor(subjectToken({ audiences: ['postern', audience] }), caller));
  for (const audience of ['agent-b', 'client-b', 'party-b']) t.equal(await bound(audience), 'not refused', audience);
  t.equal(await bound('agent-c'), 'actor_not_bound');
  t.equal(await bound('Agent-B'), 'actor_not_bound', 'names are compared exactly');
  t.equal(await bound('client-b', { ...agent, iss: other }), 'actor_not_bound', "client ids are the issuer's own");
  t.equal(await bound('agent-b', { ...agent, iss: other }), 'actor_not_bound', 'never by sub alone');
  t.equal(await bound('spiffe://corp/b', { ...agent, iss: other, sub: 'spiffe://corp/b' }), 'not refused');
});

test('may_act decides alone where there is one', async (t) => {
  const bound = (mayAct: JsonObject, caller = agent) => reasonOf(() => bindActor(subjectToken({ mayAct }), caller));
  t.equal(bindActor(subjectToken({ mayAct: { sub: 'agent-b' } }), agent), 'may_act');
  t.equal(await bound({ sub: 'agent-b', iss: corp }), 'not refused');
  t.equal(await bound({ sub: 'agent-b', iss: other }), 'may_act_mismatch');
  t.equal(await bound({ sub: 'agent-c' }), 'may_act_mismatch', 'although the audience names the caller');
  t.equal(await bound({}), 'may_act_mismatch', 'empty authorizes nobody');
  t.equal(await bound({ iss: corp }), 'may_act_mismatch');
  t.equal(await bound({ sub: 'agent-b', iss: null }), 'may_act_mismatch');
  t.equal(await bound({ sub: 'agent-b' }, { ...agent, iss: other }), 'may_act_mismatch');
});

test('the new actor is outermost and the prior chain verbatim', (t) => {
  const act = { sub: 'a', iss: corp, sub_profile: 'ai_agent', act: { sub: 'root', note: [1, { x: null }] } };
  const chain = growChain(subjectToken({}, act), agent, { maxDepth: 3, rootId: 'r' });
  t.strictSame(chain.actors, [
    { sub: 'agent-b', iss: corp, claims: { iss: corp, sub: 'agent-b' } },
    { sub: 'a', iss: corp, claims: { sub: 'a', iss: corp, sub_profile: 'ai_agent' } },
    { sub: 'root', iss: undefined, claims: { sub: 'root', note: [1, { x: null }] } },
  ]);
  t.strictSame(chain.prior, chain.actors.slice(1));
  t.equal(chain.rootId, 'r');
  t.end();
});

test('a caller that is the outermost actor already is kept, not added', (t) => {
  const act = { sub: 'agent-b', role: 'x', act: { sub: 'a' } };
  const chain = growChain(subjectToken({}, act), agent, { maxDepth: 2, rootId: 'r' });
  t.strictSame(
    chain.actors.map(({ claims }) => claims),
    [{ sub: 'agent-b', role: 'x' }, { sub: 'a' }],
  );
  t.strictSame(
    chain.prior.map(({ sub }) => sub),
    ['a'],
  );
  t.end();
});

test('an actor of the same name at another issuer is another actor', (t) => {
  const act = { sub: 'agent-b', iss: other };
  const chain = growChain(subjectToken({}, act), agent, { maxDepth: 2, rootId: 'r' });
  t.equal(chain.actors.length, 2);
  t.end();
});
