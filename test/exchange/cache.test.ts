// The credential cache: found again only by the same inputs, never expired, and by any member of the chain.

import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { type Cached, createCredentialCache, type Member } from '../../src/exchange/cache.ts';
import { factsOfStanding } from '../../src/exchange/facts.ts';
import { planOfNone } from '../../src/exchange/plan.ts';
import { permittedCall, unverified } from '../support/exchange-call.ts';
import { stoppedClock } from '../support/exchange-clock.ts';
import { startWorld } from '../support/exchange-world.ts';

const emptyPlan = planOfNone(permittedCall({ subject: unverified('alice') }));
const alice: Member = { iss: 'https://idp', sub: 'alice' };
const agent: Member = { iss: 'https://idp', sub: 'agent' };

function world(max = 100) {
  const clock = stoppedClock();
  const cache = createCredentialCache({ clock, max });
  const credential = (token: string, members: readonly Member[] = [alice, agent]): Cached => {
    const secret = new Secret(token);
    const facts = { ...factsOfStanding(emptyPlan, secret) };
    const endsAt = clock.now() + 60_000;
    const life = { endsAt, usableUntil: endsAt, refreshFrom: undefined };
    return { obtained: { secret, facts, life, askedAt: clock.now(), callEndsAt: endsAt }, members };
  };
  return { clock, cache, credential };
}

test('kept until the end of its life, not a moment longer', (t) => {
  const { clock, cache, credential } = world();
  cache.put('k', credential('one'), cache.era());
  clock.pass(59.999);
  t.equal(cache.get('k')?.obtained?.secret.reveal(), 'one');
  clock.pass(0.001);
  t.equal(cache.get('k'), undefined);
  t.equal(cache.size(), 0, 'and the value is gone from memory');
  t.end();
});

test('what has no life left is not kept at all', (t) => {
  const { clock, cache, credential } = world();
  const late = credential('late');
  clock.pass(60);
  cache.put('k', late, cache.era());
  t.equal(cache.size(), 0);
  t.end();
});

test('bounded: the least recently used goes first, also out of the index', (t) => {
  const { cache, credential } = world(2);
  cache.put('a', credential('a'), cache.era());
  cache.put('b', credential('b'), cache.era());
  cache.get('a');
  cache.put('c', credential('c'), cache.era());
  t.equal(cache.get('b'), undefined);
  t.equal(cache.forget(alice), 2);
  t.end();
});

test('forgotten by any member of the chain, and only those', (t) => {
  const { cache, credential } = world();
  const bob = { iss: 'https://idp', sub: 'bob' };
  cache.put('alice-agent', credential('1'), cache.era());
  cache.put('alice-alone', credential('2', [alice]), cache.era());
  cache.put('bob-agent', credential('3', [bob, agent]), cache.era());
  cache.put('machine', credential('4', []), cache.era());

  t.equal(cache.forget({ iss: 'https://elsewhere', sub: 'alice' }), 0, 'sub alone is not who somebody is');
  t.equal(cache.forget(agent), 2);
  t.equal(cache.get('alice-agent'), undefined);
  t.equal(cache.get('bob-agent'), undefined);
  t.ok(cache.get('alice-alone'));
  t.equal(cache.forget(alice), 1);
  t.ok(cache.get('machine'));
  t.equal(cache.forget(alice), 0);
  t.end();
});

test('an actor without issuer is forgotten with everyone of its name: fail closed', (t) => {
  const { cache, credential } = world();
  cache.put('k', credential('1', [alice, { iss: undefined, sub: 'first' }]), cache.era());
  t.equal(cache.forget({ iss: 'https://idp', sub: 'first' }), 1);
  cache.put('k', credential('1'), cache.era());
  t.equal(cache.forget({ iss: undefined, sub: 'alice' }), 1);
  t.end();
});

test('replacing an entry leaves the index right', (t) => {
  const { cache, credential } = world();
  cache.put('k', credential('1', [alice]), cache.era());
  cache.put('k', credential('2', [agent]), cache.era());
  t.equal(cache.forget(alice), 0);
  t.equal(cache.forget(agent), 1);
  t.end();
});

test('dropped only while it is still the rejected one', (t) => {
  const { cache, credential } = world();
  const rejected = credential('1');
  cache.put('k', rejected, cache.era());
  cache.put('k', credential('2'), cache.era());
  cache.drop('k', rejected.obtained.facts.fingerprint);
  t.equal(cache.get('k')?.obtained?.secret.reveal(), '2');
  cache.drop('k', credential('2').obtained.facts.fingerprint);
  t.equal(cache.get('k'), undefined);
  t.end();
});

test('a place that is remembered is empty from the moment its credential is dropped, however that came', (t) => {
  const { clock, cache, credential } = world(2);
  const { facts } = credential('1').obtained;
  const ways: Record<string, () => void> = {
    'a party was revoked': () => cache.forget(alice),
    'a token was revoked': () => cache.forgetIssued(() => true),
    'the upstream rejected it': () => cache.drop('k', facts.fingerprint),
    'it was renewed': () => cache.put('k', credential('2'), cache.era()),
    'others took its room': () => {
      // What is used is passed over once.
      for (const key of ['x', 'y', 'z']) cache.put(key, credential(key), cache.era());
    },
    'the gate is closed': () => cache.clear(),
  };
  for (const [why, way] of Object.entries(ways)) {
    cache.clear();
    cache.put('k', credential('1'), cache.era());
    const place = cache.get('k');
    t.equal(place && cache.at(place)?.secret.reveal(), '1');
    way();
    t.equal(place && cache.at(place), undefined, why);
    t.equal(place?.obtained, undefined, 'and the value is gone from memory');
  }

  cache.put('k', credential('1'), cache.era());
  const place = cache.get('k');
  clock.pass(60);
  t.equal(place && cache.at(place), undefined, 'its life is over');
  t.end();
});

test('what was asked for before somebody was forgotten is not kept after', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker } = gate();
  const release = issuer.hold();
  const arming = broker.arm(call());
  await issuer.arrived(1);

  broker.forget({ iss: issuer.url, sub: 'alice' });
  release();
  await arming;

  t.equal(broker.stats().entries, 0);
  await broker.arm(call());
  t.equal(issuer.received.length, 2);
  t.equal(broker.forget({ iss: issuer.url, sub: 'alice' }), 1);
  broker.close();
});
