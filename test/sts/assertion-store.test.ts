import { test } from 'tap';
import { createAssertionStore } from '../../src/sts/assertion-store.ts';
import { rejection } from '../support/rejection.ts';
import { clockAt, start } from '../support/sts-issuer.ts';

function assertions(clock = clockAt(start)) {
  const store = createAssertionStore(clock)('ReplayDetection');
  if (!('upsert' in store)) throw new TypeError('no store');
  return store;
}

test('an id is stored once, even when both requests looked before either stored', async (t) => {
  const store = assertions();
  t.strictSame(await Promise.all([store.find('id'), store.find('id')]), [undefined, undefined]);
  await store.upsert('id', {}, 60);
  t.match(await rejection(store.upsert('id', {}, 60)), { message: 'invalid_client' });
  t.match(await store.find('id'), { jti: 'id' });
});

test('an id is forgotten when the assertion has expired', async (t) => {
  const clock = clockAt(start);
  const store = assertions(clock);
  await store.upsert('id', {}, 60);
  clock.advance(60);
  t.equal(await store.find('id'), undefined);
  await store.upsert('id', {}, 60);
});

test('when full it refuses rather than forgets', async (t) => {
  const clock = clockAt(start);
  const store = assertions(clock);
  for (let index = 0; index < 50_000; index += 1) await store.upsert(`id-${index}`, {}, 60);
  t.match(await rejection(store.upsert('one-more', {}, 60)), { message: 'temporarily_unavailable' });
  t.match(await store.find('id-0'), { jti: 'id-0' });
  clock.advance(60);
  await store.upsert('one-more', {}, 60);
});
