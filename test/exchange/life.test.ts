// How long a credential may be used: the shortest life involved, less a margin that suits it.

import { test } from 'tap';
import { type Lives, lifeOf } from '../../src/exchange/life.ts';
import { stoppedClock } from '../support/exchange-clock.ts';
import { startWorld } from '../support/exchange-world.ts';

const askedAt = stoppedClock().now();
const after = (seconds: number) => askedAt + seconds * 1_000;
const hour: Lives = {
  askedAt,
  endsAt: after(3_600),
  callEndsAt: after(7_200),
  subjectEndsAt: undefined,
  maxLifetimeMs: undefined,
};

test('an hour is used for an hour less half a minute, and renewed in its last fifth', (t) => {
  t.strictSame(lifeOf(hour), { endsAt: after(3_600), usableUntil: after(3_570), refreshFrom: after(2_856) });
  t.end();
});

test('the margin shrinks with the life: a minute is not halved', (t) => {
  t.equal(lifeOf({ ...hour, endsAt: after(60) }).usableUntil, after(48));
  t.equal(lifeOf({ ...hour, endsAt: after(5) }).usableUntil, after(4));
  t.equal(lifeOf({ ...hour, endsAt: askedAt }).usableUntil, askedAt, 'ended at once: not usable from the cache at all');
  t.equal(lifeOf({ ...hour, endsAt: after(-10) }).usableUntil, after(-10));
  t.end();
});

test('the subject or actor token ends first: so does the credential, and a renewal would gain nothing', (t) => {
  t.strictSame(lifeOf({ ...hour, callEndsAt: after(100) }), {
    endsAt: after(100),
    usableUntil: after(80),
    refreshFrom: undefined,
  });
  t.end();
});

test('a token of the gate itself ends first: so does the credential, and a renewal brings a newer one', (t) => {
  t.strictSame(lifeOf({ ...hour, subjectEndsAt: after(100) }), {
    endsAt: after(100),
    usableUntil: after(80),
    refreshFrom: after(64),
  });
  const both = { ...hour, subjectEndsAt: after(100), callEndsAt: after(50) };
  t.match(lifeOf(both), { usableUntil: after(40), refreshFrom: undefined });
  t.match(lifeOf({ ...both, callEndsAt: after(150) }), { usableUntil: after(80), refreshFrom: after(64) });
  t.match(lifeOf({ ...both, callEndsAt: after(101) }), { refreshFrom: undefined }, 'a second gained is nothing');
  t.end();
});

test('the limit of the route ends first', (t) => {
  t.match(lifeOf({ ...hour, maxLifetimeMs: 100_000 }), { usableUntil: after(80), refreshFrom: after(64) });
  t.end();
});

test('nobody says when it ends: a minute at most', (t) => {
  t.equal(lifeOf({ ...hour, endsAt: undefined }).usableUntil, after(48));
  t.equal(lifeOf({ ...hour, endsAt: undefined, callEndsAt: undefined }).usableUntil, after(48));
  t.end();
});

const stories: readonly (readonly [
  string,
  { issued: number; subject: number; actor: number; ttl?: number },
  number,
])[] = [
  ['expires_in', { issued: 100, subject: 3_600, actor: 3_600 }, 80],
  ['the subject token', { issued: 3_600, subject: 100, actor: 3_600 }, 80],
  ['the actor token', { issued: 3_600, subject: 3_600, actor: 100 }, 80],
  ['the limit of the route', { issued: 100, subject: 3_600, actor: 3_600, ttl: 100_000 }, 80],
];

for (const [what, lives, usable] of stories) {
  test(`end to end: ${what} ends first`, async (t) => {
    const { gate, call, clock, issuer } = await startWorld(t);
    issuer.lifetime = lives.issued;
    const { broker } = gate({ routes: [{ tokenTtlMs: lives.ttl }] });
    const subject = await issuer.mint('alice', { lifetime: lives.subject });
    const actor = await issuer.mint('agent', { lifetime: lives.actor });
    await broker.arm(call({ subject, actor }));

    clock.pass(usable - 17); // before the last fifth: a renewal would blur the count
    t.equal((await broker.arm(call({ subject, actor }))).cache, 'hit');
    clock.pass(17);
    t.equal((await broker.arm(call({ subject, actor }))).cache, 'miss');
  });
}
