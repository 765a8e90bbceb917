// Order and wholeness of audit lines through short writes, full pipes, a disk that fails and heals; and who waits for it.

import { mock } from 'node:test';
import { test } from 'tap';
import { createAppender } from '../../src/audit/appender.ts';
import { recordingLog } from '../support/log.ts';

type Done = (failure: NodeJS.ErrnoException | null, written: number) => void;

/** A disk the test moves by hand: each write waits until the test says how it went. */
function disk() {
  const log = recordingLog();
  const asked: { readonly bytes: Buffer; readonly done: Done }[] = [];
  let content = '';
  let held = false;
  const syncs: ((failure: NodeJS.ErrnoException | null) => void)[] = [];
  const appender = createAppender({
    write: (bytes, done) => void asked.push({ bytes, done }),
    sync: (done) => (held ? void syncs.push(done) : done(null)),
    log,
  });
  const next = () => {
    const write = asked.shift();
    if (write === undefined) throw new Error('no write is under way');
    return write;
  };
  return {
    append: (line: string) => appender.append(line, () => ''),
    settled: appender.settled,
    rest: appender.rest,
    appender,
    log,
    asked,
    syncs,
    holdSyncs() {
      held = true;
    },
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

test('a line ends with what its own bytes give; where that cannot be made, nothing of it is taken', (t) => {
  const file = disk();
  file.append('first');
  file.take();
  const seen: string[] = [];
  const end = (bytes: Buffer) => {
    seen.push(bytes.toString());
    return '!';
  };
  t.throws(() =>
    file.appender.append('lost', () => {
      throw new Error('no digest');
    }),
  );
  t.equal(file.appender.waiting, 6, 'characters of the line before');
  file.appender.append('è 🔥', end);
  file.take();
  t.strictSame(seen, ['è 🔥']);
  t.equal(file.content(), 'first\nè 🔥!\n');
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
  const flushed = file.settled();
  file.fail('ENOSPC');
  await t.rejects(flushed, { code: 'ENOSPC' });
  file.append('second');
  file.fail('ENOSPC');
  file.append('third');
  file.take();
  file.take();
  t.equal(file.content(), 'first\nsecond\nthird\n');
  await file.settled();
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
  const flushed = file.settled();
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
  const flushed = file.settled();
  file.take();
  file.take();
  file.append('y');
  file.take();
  t.equal(file.content().length, 16 * 1_048_576 + 2);
  t.equal(file.rest(true).length, 0);
  await flushed;
});

test('one sync answers everyone who waits (group commit), and none who came later', async (t) => {
  const file = disk();
  file.holdSyncs();
  const done: string[] = [];
  const wait = (name: string) => {
    file.append(name);
    return file.settled().then(() => done.push(name));
  };
  const first = wait('a');
  const second = wait('b');
  file.take();
  t.equal(file.syncs.length, 1, 'a is written and waited for: it is not held up by b');
  const third = wait('c');
  file.syncs.shift()?.(null);
  await first;
  t.strictSame(done, ['a']);
  file.take();
  t.equal(file.content(), 'a\nb\nc\n');
  t.equal(file.syncs.length, 1);
  file.syncs.shift()?.(null);
  await Promise.all([second, third]);
  t.strictSame(done, ['a', 'b', 'c']);
  t.equal(file.syncs.length, 0);
  await file.settled();
  t.equal(file.syncs.length, 0, 'what is on disk already needs no sync');
});

test('nobody waits for the disk: nothing is synced', (t) => {
  const file = disk();
  file.holdSyncs();
  file.append('a');
  file.take();
  t.equal(file.syncs.length, 0);
  t.end();
});

test('a sync that fails spoils the file, though a later one succeeds', async (t) => {
  const file = disk();
  file.holdSyncs();
  file.append('a');
  const flushed = file.settled();
  file.take();
  file.syncs.shift()?.(Object.assign(new Error('EIO'), { code: 'EIO' }));
  await t.rejects(flushed, { code: 'EIO' });
  t.ok(file.appender.spoiled);
  const again = file.settled();
  file.syncs.shift()?.(null);
  await again;
  t.ok(file.appender.spoiled, 'the system may have dropped what the first sync was for');
  t.match(file.appender.failure, { code: 'EIO' });
  t.end();
});

test('a disk that answers nothing: whoever waits is let go, and it counts as failing until it answers', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const file = disk();
  file.append('a');
  const flushed = file.settled();
  mock.timers.tick(5_000);
  await t.rejects(flushed, { message: 'the disk did not answer in time' });
  t.ok(file.appender.failure);
  file.take();
  t.equal(file.appender.failure, undefined);
  t.equal(file.content(), 'a\n');
});

test('a failed write is tried again without a new record', (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const file = disk();
  file.append('a');
  file.fail('ENOSPC');
  t.equal(file.asked.length, 0);
  mock.timers.tick(1_000);
  file.take();
  t.equal(file.content(), 'a\n');
  t.equal(file.appender.failure, undefined);
  t.end();
});
