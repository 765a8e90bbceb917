// Attack: to be handed somebody else's token. Two calls that differ in one input must never share a cache key: not when an
// input is left out of the key (AuthBridge uses subject and audience alone), and not when the text of neighbouring fields
// runs together ("ab" + "c" and "a" + "bc": fastify/reply-from GHSA-v574). Held by a key over every input, length-prefixed.

import fc from 'fast-check';
import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import type { PermittedCall } from '../../src/call.ts';
import { cacheKey } from '../../src/exchange/cache.ts';
import type { ExchangePlan } from '../../src/exchange/plan.ts';
import { unverified } from '../support/exchange-call.ts';
import { corp, type GateStory, startWorld, type World } from '../support/exchange-world.ts';

type Change = (world: World, call: PermittedCall) => { story?: GateStory; call?: PermittedCall };

const differently: Record<string, Change> = {
  'another exchange': ({ issuer }) => ({
    story: { exchanges: { other: corp(issuer) }, routes: [{ exchange: 'other' }] },
  }),
  'another grant': ({ issuer }) => ({ story: { exchanges: { corp: corp(issuer, { grant: 'client_credentials' }) } } }),
  'another token endpoint': ({ issuer }) => ({
    story: { exchanges: { corp: corp(issuer, { token_endpoint: 'https://idp.example.com/t' }) } },
  }),
  'another client': ({ issuer }) => ({
    story: { exchanges: { corp: corp(issuer, { client: { id: 'x', auth: 'none' } }) } },
  }),
  'another parameter': ({ issuer }) => ({
    story: { exchanges: { corp: corp(issuer, { parameters: { tenant: 'b' } }) } },
  }),
  'another stated type': ({ issuer }) => ({
    story: { exchanges: { corp: corp(issuer, { subject_token_type: 'jwt' }) } },
  }),
  'no actor token sent': ({ issuer }) => ({ story: { exchanges: { corp: corp(issuer, { actor_token: 'omit' }) } } }),
  'another audience': () => ({ story: { routes: [{ audience: 'https://api.anthropic.com' }] } }),
  'the audience as resource': () => ({
    story: { routes: [{ audience: undefined, resource: ['https://api.openai.com'] }] },
  }),
  'a resource more': () => ({ story: { routes: [{ resource: ['https://api.openai.com'] }] } }),
  'another requested type': () => ({
    story: { routes: [{ requestedTokenType: 'urn:ietf:params:oauth:token-type:jwt' }] },
  }),
  'looser verification': () => ({ story: { routes: [{ verify: 'record' }] } }),
  'another limit of life': () => ({ story: { routes: [{ tokenTtlMs: 600_000 }] } }),
  'another scope': (_, call) => ({ call: { ...call, scopes: ['model.list'] } }),
  'a scope more': (_, call) => ({ call: { ...call, scopes: ['model.invoke', 'model.list'] } }),
  'no scope': (_, call) => ({ call: { ...call, scopes: [] } }),
  'another subject token of the same subject': (_, call) => ({
    call: { ...call, subjectToken: { ...call.subjectToken, token: new Secret('other') } },
  }),
  'another actor token of the same actor': (_, call) => ({
    call: { ...call, actorToken: call.actorToken && { ...call.actorToken, token: new Secret('other') } },
  }),
  'the same name at another issuer': (_, call) => {
    const subject = { ...call.subject, iss: 'https://other' };
    return { call: { ...call, subject, subjectToken: { ...call.subjectToken, principal: subject } } };
  },
  'another caller with no token of its own': (_, call) => ({
    call: { ...call, chain: { ...call.chain, actors: [{ iss: 'https://idp', sub: 'other', claims: {} }] } },
  }),
  'a longer chain': (_, call) => ({
    call: { ...call, chain: { ...call.chain, actors: [...call.chain.actors, ...call.chain.actors] } },
  }),
};

for (const [what, change] of Object.entries(differently)) {
  test(`${what} is another key`, async (t) => {
    const world = await startWorld(t);
    const call = world.call();
    const changed = change(world, call);

    const one = world.gate().broker.plan(call).key;
    const other = world.gate(changed.story).broker.plan(changed.call ?? call).key;

    t.not(one, other);
    t.equal(one, world.gate().broker.plan(world.call()).key, 'and the same call is the same key');
  });
}

test('scopes in another order, or written twice, are the same hop', async (t) => {
  const { gate, call } = await startWorld(t);
  const { broker } = gate();
  t.equal(broker.plan(call({ scopes: ['b', 'a', 'a'] })).key, broker.plan(call({ scopes: ['a', 'b'] })).key);
});

test('the key shows nothing of the tokens', async (t) => {
  const { gate, call } = await startWorld(t);
  t.match(gate().broker.plan(call({ subject: unverified('alice') })).key, /^[\w-]{43}$/);
});

const text = fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'b', ':', ';', '1', '') });
const inputs = fc.array(fc.tuple(text, text), { maxLength: 3 });
const members = fc.array(fc.record({ iss: fc.option(text, { nil: undefined }), sub: text }), { maxLength: 2 });
const plans = fc.record({
  exchange: text,
  grant: text,
  endpoint: text,
  clientId: fc.option(text, { nil: undefined }),
  inputs,
  members,
});

test('whatever the text of neighbouring fields, different inputs have different keys', (t) => {
  const rest = { verify: 'strict', maxLifetime: undefined } as const;
  fc.assert(
    fc.property(plans, plans, (a, b) => {
      const same = JSON.stringify(a) === JSON.stringify(b);
      return (keyOf({ ...rest, ...a }) === keyOf({ ...rest, ...b })) === same;
    }),
    { seed: 1, numRuns: 2_000 },
  );
  t.end();
});

test('a field that moves its border is another key', (t) => {
  const rest = { verify: 'strict', maxLifetime: undefined, endpoint: 'e', clientId: 'c', members: [] } as const;
  const keys = [
    keyOf({ ...rest, exchange: 'ab', grant: 'c', inputs: [] }),
    keyOf({ ...rest, exchange: 'a', grant: 'bc', inputs: [] }),
    keyOf({ ...rest, exchange: 'ab', grant: 'c', inputs: [['scope', 'a b']] }),
    keyOf({
      ...rest,
      exchange: 'ab',
      grant: 'c',
      inputs: [
        ['scope', 'a'],
        ['b', ''],
      ],
    }),
    keyOf({ ...rest, exchange: 'ab', grant: 'c', inputs: [['scop', 'ea b']] }),
    keyOf({ ...rest, exchange: 'ab', grant: 'c', inputs: [], members: [{ iss: 'scope', sub: 'a b' }] }),
    keyOf({ ...rest, exchange: 'ab', grant: 'c', inputs: [], clientId: undefined }),
    keyOf({ ...rest, exchange: 'ab', grant: 'c', inputs: [], clientId: '' }),
  ];
  t.equal(new Set(keys).size, keys.length);
  t.end();
});

test('what is expected of the answer is in the key, also where a grant does not send it', (t) => {
  const plan = { exchange: 'e', grant: 'g', endpoint: 'u', clientId: 'c', verify: 'strict' } as const;
  const rest = { ...plan, maxLifetime: undefined, inputs: [], members: [] };
  const keys = [
    keyOf(rest),
    keyOf({ ...rest, audience: 'a' }),
    keyOf({ ...rest, resources: ['a'] }),
    keyOf({ ...rest, scopes: ['a'] }),
    keyOf({ ...rest, scopes: ['a', 'b'] }),
    keyOf({ ...rest, scopes: ['a b'] }),
    keyOf({ ...rest, requestedTokenType: 'a' }),
    keyOf({ ...rest, verify: 'record' }),
    keyOf({ ...rest, maxLifetime: 60 }),
  ];
  t.equal(new Set(keys).size, keys.length);
  t.end();
});

type Keyed = Pick<
  ExchangePlan,
  'exchange' | 'grant' | 'endpoint' | 'clientId' | 'verify' | 'maxLifetime' | 'inputs' | 'members'
> &
  Partial<ExchangePlan>;

function keyOf(fields: Keyed): string {
  const shown = {
    kind: 'exchanged',
    issuer: undefined,
    audience: undefined,
    resources: [],
    scopes: [],
    via: [],
  } as const;
  return cacheKey({ ...shown, requestedTokenType: '', ...fields });
}
