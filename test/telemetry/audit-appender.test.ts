// Order and wholeness of audit lines through short writes, full pipes, and a disk that fails and heals.

import { mock } from 'node:test';
import { test } from 'tap';
import { createAppender } from '../../src/telemetry/audit-appender.ts';
import { recordingLog } from '../support/log.ts';

type Done = (failure: NodeJS.ErrnoException | null, written: number) => void;

/** A disk the test moves by hand: each write waits until the test says how it went. */
function disk() {
  const log = recordingLog();
  const asked: { readonly bytes: Buffer; readonly done: Done }[] = [];
  let content = '';
  const appender = createAppender({ write: (bytes, done) => void asked.push({ bytes, done }), log });
  const next = () => {
    const write = asked.shift();
    if (write === undefined) throw new Error('no write is under way');
    return write;
  };
  return {
    ...appender,
    log,
    asked,
    content: () => content,
    take(bytes = Number.POSITIVE_INFINITY) {
      const write = next();
      const taken = write.bytes.subarray(0, bytes);
      content += taken.toString();
      write.done(null, taken.length);
    },
    fail(code: string) {
      next().done(Object.assign(new Error(code), { code }), 0);
    },
  };
}

test('what comes during a write goes out together with the next', (t) => {
  const file = disk();
  for (const line of ['a', 'b', 'c']) file.append(line);
  t.equal(file.asked.length, 1);
  file.take();
  t.equal(file.content(), 'a\n');
  file.take();
  t.equal(file.content(), 'a\nb\nc\n');
  t.equal(file.asked.length, 0);
  t.end();
});

test('a short write goes on where it stopped', (t) => {
  const file = disk();
  file.append('abcdef');
  file.take(3);
  file.append('next');
  file.take(2);
  file.take();
  file.take();
  t.equal(file.content(), 'abcdef\nnext\n');
  t.end();
});

test('a disk that fails and heals: nothing is torn, skipped or written twice, and both are told', async (t) => {
  const file = disk();
  file.append('first');
  file.take(2);
  const flushed = file.drained();
  file.fail('ENOSPC');
  await t.rejects(flushed, { code: 'ENOSPC' });
  file.append('second');
  file.fail('ENOSPC');
  file.append('third');
  file.take();
  file.take();
  t.equal(file.content(), 'first\nsecond\nthird\n');
  await file.drained();
  t.strictSame(
    file.log.lines.map((line) => line.level),
    ['error', 'info'],
  );
});

test('a full pipe is tried again a little later', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const file = disk();
  file.append('a');
  const flushed = file.drained();
  file.fail('EAGAIN');
  t.equal(file.asked.length, 0);
  mock.timers.tick(20);
  file.take();
  await flushed;
  t.equal(file.content(), 'a\n');
  t.strictSame(file.log.lines, []);
});

test('the bound holds over failures, and is given back by success', async (t) => {
  const file = disk();
  const megabyte = 'x'.repeat(1_048_575);
  for (let n = 0; n < 16; n += 1) file.append(megabyte);
  t.throws(() => file.append('y'), RangeError);
  file.fail('EIO');
  t.throws(() => file.append('y'), RangeError);
  const flushed = file.drained();
  file.take();
  file.take();
  file.append('y');
  file.take();
  t.equal(file.content().length, 16 * 1_048_576 + 2);
  t.equal(file.rest().length, 0);
  await flushed;
});
