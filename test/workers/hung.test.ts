// A worker whose event loop is blocked takes connections and answers none of them. It is ended after a bounded time and
// replaced like one that died; the others, and the audit log, do not suffer.

import { Session } from 'node:inspector/promises';
import type { Worker } from 'node:worker_threads';
import { test } from 'tap';
import { beatMs, missedAtMost } from '../../src/wiring/workers/heartbeat.ts';
import { listensWithinMs } from '../../src/wiring/workers/member.ts';
import type { Report } from '../../src/wiring/workers/messages.ts';
import { check } from '../support/audit-trail.ts';
import { heldTimers } from '../support/timers.ts';
import { logged, startCrewWorld } from '../support/workers-world.ts';

test('a worker that hangs is ended and replaced', async (t) => {
  const timers = heldTimers();
  const world = await startCrewWorld(t, undefined, { timers });
  const [one] = await world.eachWorker();
  t.equal(await one?.(), 200);
  t.strictSame(timers.waiting(), [beatMs, beatMs], 'both are watched, and none for being late any more');

  await block(world.threads[0]?.threadId);
  await logged(world, 'blocked');
  const waiting = one?.().then(String, () => 'ended');
  for (let beat = 1; beat < missedAtMost; beat += 1) {
    const answered = alive(world.threads[1]);
    t.equal(timers.fire(beatMs), 2);
    await answered;
  }
  t.equal(timers.fire(beatMs), 2);
  t.equal(await waiting, 'ended');
  await logged(world, 'worker replaced');

  t.match(
    world.log.filter(({ level }) => level === 'error').map(({ message, facts }) => [message, facts]),
    [
      ['worker does not answer and is ended', { worker: 1, silent_ms: missedAtMost * beatMs }],
      ['worker ended, and the calls it carried', { worker: 1 }],
    ],
  );
  t.equal(await world.measured(/^postern_worker_ends_total /), 1);
  t.strictSame(timers.waiting(), [beatMs, beatMs], 'the new one is watched as well');
  for (const call of await world.eachWorker()) t.equal(await call(), 200);

  await world.end();
  t.strictSame((await check(world.auditFile, { expectClosed: true })).found, []);
  t.strictSame(timers.waiting(), []);
});

test('a worker that never begins to listen is not waited for without end', async (t) => {
  const timers = heldTimers();
  const starting = startCrewWorld(t, undefined, { timers });
  await timers.set(listensWithinMs);
  timers.fire(listensWithinMs);
  await t.rejects(starting, { message: /ended/ });
});

/** Resolves when the thread has answered a beat. */
function alive(thread: Worker | undefined): Promise<void> {
  return new Promise((resolve) => {
    thread?.on('message', ({ kind }: Report) => {
      if (kind === 'alive') resolve();
    });
  });
}

/** Blocks the event loop of a worker, as code that never returns does; the last it says is a line in the log. */
async function block(threadId: number | undefined): Promise<void> {
  const session = new Session();
  session.connect();
  const { promise: attached, resolve } = Promise.withResolvers<string>();
  session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
    if (workerInfo.title.startsWith(`[worker ${threadId}]`)) resolve(sessionId); // its workerId is only a count of them
  });
  await session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  const sessionId = await attached;
  const last: Report = { kind: 'log', level: 'info', facts: {}, message: 'blocked' };
  const tell = `process.getBuiltinModule('node:worker_threads').parentPort.postMessage(${JSON.stringify(last)})`;
  const expression = `${tell}; Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)`;
  const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } });
  await session.post('NodeWorker.sendMessageToWorker', { sessionId, message });
  session.disconnect();
}
