// The end of a turn: what was put off is done once, in order, whatever one of them does; and not put off for long.

import { test } from 'tap';
import { atTurnEnd } from '../../src/base/turn-end.ts';

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

test('what was put off in one turn is done at its end, in order', async (t) => {
  const done: string[] = [];
  const later = (name: string) => ({ turnEnded: () => done.push(name) });
  atTurnEnd(later('first'));
  await Promise.resolve();
  atTurnEnd(later('second'));
  t.strictSame(done, []);
  await nextTurn();
  t.strictSame(done, ['first', 'second']);
});

test('in a turn of very many, the first do not wait for the last', async (t) => {
  let done = 0;
  for (let n = 1; n <= 100; n += 1) {
    atTurnEnd({ turnEnded: () => (done += 1) });
    t.ok(n - done < 32, `${n - done} of ${n} wait`);
  }
  await nextTurn();
  t.equal(done, 100);
});

test('one that throws is told, and the others go all the same', async (t) => {
  const done: string[] = [];
  const told = t.captureFn((error: Error) => error.message);
  process.once('uncaughtException', told);
  atTurnEnd({ turnEnded: () => done.push('before') });
  atTurnEnd({
    turnEnded() {
      throw new Error('a fault');
    },
  });
  atTurnEnd({ turnEnded: () => done.push('after') });
  await nextTurn();
  await nextTurn();
  t.strictSame(done, ['before', 'after']);
  t.equal(told.calls.length, 1);
});
