// What a start leaves behind is given back, and the runtime is as before.

import { runInNewContext } from 'node:vm';
import { test } from 'tap';
import { giveBackHeap } from '../../src/base/heap.ts';

test('garbage is collected', (t) => {
  const garbage = new WeakRef(Array.from({ length: 1_000 }, (_, index) => ({ index })));
  t.ok(garbage.deref());
  // A reference that was looked at lives until its task is over.
  setImmediate(() => {
    giveBackHeap();
    t.equal(garbage.deref(), undefined);
    t.end();
  });
});

test('no context has a collector of its own afterwards', (t) => {
  giveBackHeap();
  t.equal(runInNewContext('typeof gc'), 'undefined');
  t.equal('gc' in globalThis, false);
  t.end();
});
