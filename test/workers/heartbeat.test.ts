// A worker that no longer answers is told from one that is only late, and from a process that stood still.

import { test } from 'tap';
import { beatMs, missedAtMost, startHeartbeat } from '../../src/wiring/workers/heartbeat.ts';
import { heldTimers } from '../support/timers.ts';

function world() {
  const timers = heldTimers();
  const told: number[] = [];
  let beats = 0;
  const heartbeat = startHeartbeat({
    timers,
    beat() {
      beats += 1;
    },
    hung: (silentMs) => void told.push(silentMs),
  });
  return { timers, told, heartbeat, beats: () => beats };
}

test('one that answers is asked again, for as long as it does', (t) => {
  const { timers, told, heartbeat, beats } = world();
  for (let at = 0; at < 10; at += 1) {
    heartbeat.answered();
    t.equal(timers.fire(beatMs), 1);
  }
  t.strictSame([beats(), told], [11, []]);
  heartbeat.stop();
  t.strictSame(timers.waiting(), []);
  t.end();
});

test('one that answers no beat of several in a row hangs: told once, and asked no more', (t) => {
  const { timers, told, beats } = world();
  for (let at = 1; at < missedAtMost; at += 1) timers.fire(beatMs);
  t.strictSame(told, [], 'not before the last');
  timers.fire(beatMs);
  t.strictSame(told, [15_000]);
  t.strictSame([beats(), timers.waiting()], [missedAtMost, []]);
  t.end();
});

test('an answer that comes late is an answer: what was missed before it does not count', (t) => {
  const { timers, told, heartbeat } = world();
  for (let round = 0; round < 3; round += 1) {
    timers.fire(beatMs);
    timers.fire(beatMs);
    heartbeat.answered();
  }
  t.strictSame(told, []);
  t.end();
});
