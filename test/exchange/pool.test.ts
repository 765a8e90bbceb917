// Two workers, one issuer: whatever happens, it is asked as often as if there were one worker.

import { test } from 'tap';
import { oauthError } from '../support/exchange-issuer.ts';
import { testPool } from '../support/exchange-pool.ts';
import { agentId, refusal, startWorld } from '../support/exchange-world.ts';

async function twoWorkers(t: Parameters<typeof startWorld>[0], options: { turnMs?: number } = {}) {
  const world = await startWorld(t);
  const pool = testPool(world.clock, options);
  const [one, two] = [pool.worker(), pool.worker()];
  const a = world.gate({ shared: one.shared }).broker;
  const b = world.gate({ shared: two.shared }).broker;
  return { ...world, pool, one, two, a, b };
}

test('what one worker obtained, the other has without an exchange', async (t) => {
  const { a, b, call, issuer, pool } = await twoWorkers(t);
  const first = await a.arm(call());
  const second = await b.arm(call());
  t.strictSame([first.cache, second.cache], ['miss', 'hit']);
  t.equal(second.credential.secret?.reveal(), first.credential.secret?.reveal());
  t.strictSame(second.credential.facts, first.credential.facts, 'with all that may be told of it');
  t.equal(issuer.received.length, 1);
  t.equal(pool.size(), 1);
  t.equal((await b.arm(call())).cache, 'hit', 'and from then on by itself');
});

test('a hundred calls on each at once are one exchange', async (t) => {
  const { a, b, call, issuer } = await twoWorkers(t);
  const release = issuer.hold();
  const arming = [a, b].flatMap((broker) => Array.from({ length: 100 }, () => broker.arm(call())));
  await issuer.arrived(1);
  release();
  const armed = await Promise.all(arming);
  t.equal(issuer.received.length, 1);
  t.equal(armed.filter(({ cache }) => cache === 'miss').length, 1);
  t.equal(armed.filter(({ cache }) => cache === 'coalesced').length, 199);
});

test('a refusal is one for both, and remembered for both', async (t) => {
  const { a, b, call, issuer, clock } = await twoWorkers(t);
  issuer.misbehave(oauthError(400, 'access_denied'));
  const refused = await Promise.all([a, b].map((broker) => refusal(broker.arm(call()))));
  refused.push(await refusal(b.arm(call())));
  t.strictSame(new Set(refused.map(({ reason }) => reason)), new Set(['exchange_denied']));
  t.equal(issuer.received.length, 1);
  clock.pass(11);
  issuer.misbehave({});
  t.equal((await b.arm(call())).cache, 'miss', 'for seconds only');
});

test('a worker that dies while it asks gives its turn to the next', async (t) => {
  const { a, b, one, call, issuer } = await twoWorkers(t);
  const release = issuer.hold();
  const lost = a.arm(call());
  await issuer.arrived(1);
  const waiting = b.arm(call());
  one.dies();
  await issuer.arrived(2);
  release();
  t.equal((await waiting).cache, 'miss');
  await lost;
  t.equal(issuer.received.length, 2);
});

test('a worker that does not come back in time gives its turn to the next', async (t) => {
  const { a, b, call, issuer } = await twoWorkers(t, { turnMs: 1 });
  const release = issuer.hold();
  const slow = a.arm(call());
  await issuer.arrived(1);
  const waiting = b.arm(call());
  await issuer.arrived(2);
  release();
  t.equal((await waiting).cache, 'miss');
  t.equal((await slow).cache, 'miss', 'and what it then brings still serves its own call');
});

test('a rejected credential is renewed once, and the other worker lets go of it', async (t) => {
  const { a, b, call, issuer, clock } = await twoWorkers(t);
  const [ofA, ofB] = [await a.arm(call()), await b.arm(call())];
  clock.pass(10);
  const renewed = await a.rearm(ofA);
  t.equal(renewed.cache, 'miss');
  t.equal(b.stats().entries, 0, 'told before it is rejected too');
  const again = await b.rearm(ofB);
  t.equal(again.cache, 'hit');
  t.equal(again.credential.facts.fingerprint, renewed.credential.facts.fingerprint);
  t.equal(issuer.received.length, 2);
});

test('ahead of need it is renewed once', async (t) => {
  const { a, b, call, issuer, clock } = await twoWorkers(t);
  const { credential } = await a.arm(call());
  await b.arm(call());
  clock.pass((credential.facts.lifetime ?? 0) * 0.75);
  const release = issuer.hold();
  await Promise.all([a.arm(call()), b.arm(call())]);
  await issuer.arrived(2);
  release();
  const renewed = await Promise.all([a, b].map((broker) => until(() => broker.arm(call()), credential)));
  t.equal(issuer.received.length, 2);
  t.equal(new Set(renewed.map((call) => call.credential.facts.fingerprint)).size, 1);
});

test('a revoked party has nothing left anywhere, nor does what is obtained meanwhile stay', async (t) => {
  const { a, b, call, issuer, pool } = await twoWorkers(t);
  await a.arm(call());
  await b.arm(call());
  a.forget({ iss: undefined, sub: agentId });
  t.strictSame([a.stats().entries, b.stats().entries, pool.size()], [0, 0, 0]);

  const release = issuer.hold();
  const flying = b.arm(call());
  await issuer.arrived(2);
  pool.forget({ iss: undefined, sub: agentId });
  release();
  await flying;
  t.strictSame([b.stats().entries, pool.size()], [0, 0]);
});

test('a revoked credential is dropped by those who were given it', async (t) => {
  const { a, b, call, pool } = await twoWorkers(t);
  const { credential } = await a.arm(call());
  await b.arm(call());
  t.equal(
    pool.forgetIssued(({ fingerprint }) => fingerprint === credential.facts.fingerprint),
    1,
  );
  t.strictSame([a.stats().entries, b.stats().entries, pool.size()], [0, 0, 0]);
});

test('the last worker takes the credentials with it', async (t) => {
  const { a, b, call, pool } = await twoWorkers(t);
  await a.arm(call());
  a.close();
  t.equal(pool.size(), 1);
  b.close();
  t.equal(pool.size(), 0);
});

/** Calls until a credential other than `than` is used: a renewal takes a few turns to arrive. */
async function until<T extends { credential: { facts: { fingerprint: string } } }>(
  arm: () => Promise<T>,
  than: { readonly facts: { readonly fingerprint: string } },
): Promise<T> {
  for (;;) {
    const armed = await arm();
    if (armed.credential.facts.fingerprint !== than.facts.fingerprint) return armed;
    await new Promise(setImmediate);
  }
}
