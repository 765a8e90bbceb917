// Workers that end by themselves are replaced at once, unless they go on ending.

import { type Test, test } from 'tap';
import { createReplacing } from '../../src/wiring/workers/replacing.ts';
import { recordingLog } from '../support/log.ts';

function world(t: Test, start: (worker: number) => Promise<void> = async () => {}) {
  // As the admin listener does: the waits alone keep no process running.
  const alive = setInterval(() => {}, 60_000);
  t.teardown(() => clearInterval(alive));
  const log = recordingLog();
  const started: number[] = [];
  const arrived = new Set<() => void>();
  const replacing = createReplacing({
    clock: { now: () => 0 },
    log,
    async start(worker) {
      started.push(worker);
      for (const tell of arrived) tell();
      await start(worker);
    },
  });
  return {
    ...{ log, started, replacing },
    async starts(count: number) {
      while (started.length < count) await new Promise<void>((resolve) => arrived.add(resolve));
    },
  };
}

test('the first few at once, then not before a while; a stop waits for none', async (t) => {
  const { replacing, started, starts, log } = world(t);
  for (const worker of [1, 2, 1]) replacing.ended(worker, new Error('out of memory'));
  await starts(3);
  t.strictSame(started, [1, 2, 1]);
  replacing.ended(2, undefined);
  await new Promise(setImmediate);
  t.equal(started.length, 3, 'the fourth within a minute waits');
  t.equal(replacing.ends(), 4);
  t.equal(log.lines.filter(({ level }) => level === 'error').length, 4);
  await replacing.close();
  t.equal(started.length, 3);
});

test('one that cannot be started is tried again', async (t) => {
  let failures = 1;
  const { replacing, started, starts, log } = world(t, async () => {
    failures -= 1;
    if (failures >= 0) throw new Error('no memory for it');
  });
  replacing.ended(2, undefined);
  await starts(2);
  await replacing.close();
  t.strictSame(started, [2, 2]);
  t.ok(log.lines.some(({ message }) => message === 'worker could not be replaced'));
});

test('after a stop nobody is replaced', async (t) => {
  const { replacing, started } = world(t);
  await replacing.close();
  replacing.ended(1, undefined);
  await replacing.close();
  t.strictSame([started.length, replacing.ends()], [0, 0]);
});
