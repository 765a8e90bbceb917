// Looks at the young heap of a process of its own, which is as small as a gate's when it starts: nothing else shows whether an
// engine does what its flags promise.

import { execFileSync } from 'node:child_process';
import { test } from 'tap';

const engine = process.versions.v8;
const skip = /^1[34]\.6\./.test(engine) ? false : 'another engine, left as it is';

const file = JSON.stringify(new URL('../../src/base/small-start.ts', import.meta.url));

/** Tells after each step how much V8 has taken for young objects. Much of what a step makes lives on: that makes a young heap grow. */
const script = (...steps: readonly string[]) => `
import { getHeapSpaceStatistics } from 'node:v8';
import { endSmallStart, startSmall } from ${file};
const kept = [];
for (const step of [${steps.map((step) => `() => { ${step} }`).join(', ')}]) {
  step();
  kept.push(Array.from({ length: 2_000_000 }, (_, index) => ({ index })));
  console.log(getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size);
}`;

/** Bytes of the young heap after each step. */
function youngHeap(...steps: readonly string[]): readonly number[] {
  // What the test runner has every process load takes the room V8 gives by default.
  const args = ['--max-semi-space-size=128', '--input-type=module', '--eval', script(...steps)];
  return execFileSync(process.execPath, args, { encoding: 'utf8' }).trim().split('\n').map(Number);
}

test('the young heap stays as it is while a gate starts, and grows from then on', { skip }, async (t) => {
  const [first = 0, second = 0, ready = 0] = youngHeap(`startSmall('${engine}')`, '', `endSmallStart('${engine}')`);
  t.equal(second, first, 'as it was before');
  t.ok(ready >= 2 * second, `from ${second} bytes to ${ready}`);
});

test('an engine that was not measured is left as it is', { skip }, async (t) => {
  const [first = 0, , third = 0] = youngHeap(
    `startSmall('${engine}')`,
    `endSmallStart('${engine}'); startSmall('13.7.1')`,
    '',
  );
  t.ok(third > first, `it grew, from ${first} bytes to ${third}`);
});
