// The calls one gate carries: it is idle when the last of them has ended, well or not, and not before.

import { test } from 'tap';
import type { Arrival } from '../../src/call.ts';
import { createGeneration } from '../../src/wiring/generation.ts';
import { stripped } from '../support/identity-world.ts';

const arrival: Arrival = stripped([]);

test('without calls it is idle at once', async (t) => {
  await createGeneration(async () => {}).idle();
  t.pass();
});

test('it waits for every call, also for one that fails', async (t) => {
  const calls = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let next = 0;
  const generation = createGeneration(() => calls[next++]?.promise ?? Promise.resolve());
  const first = generation.carry(arrival);
  const second = generation.carry(arrival);
  let idle = false;
  const waiting = generation.idle().then(() => {
    idle = true;
  });
  calls[0]?.resolve();
  await first;
  t.notOk(idle);
  calls[1]?.reject(new Error('cut'));
  await t.rejects(second);
  await waiting;
  t.ok(idle);
});
