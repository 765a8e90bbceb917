// A thread can answer, refuse, keep silent or die: whoever asked it is told, in time.

import { readdirSync, readFileSync } from 'node:fs';
import { type Test, test } from 'tap';
import { startThread } from '../../src/workers/thread.ts';
import { rejection } from '../support/rejection.ts';
import type { ThreadOrder, ThreadReport } from '../support/workers-thread.ts';

function start(t: Test) {
  const reports: ThreadReport[] = [];
  const thread = startThread<ThreadOrder, ThreadReport>({
    name: 'worker 1',
    entry: new URL('../support/workers-thread.ts', import.meta.url),
    start: {},
    reported(report) {
      reports.push(report);
      thread.answered(report.id, report.id, report.problem);
    },
  });
  t.teardown(() => thread.terminate());
  const ask = (what: ThreadOrder['do'], timeoutMs = 60_000) => thread.ask((id) => ({ id, do: what }), timeoutMs);
  return { thread, reports, ask };
}

test('each question gets its own answer', async (t) => {
  const { ask } = start(t);
  const [one, refused, two] = [ask('answer'), rejection(ask('refuse')), ask('answer')];
  t.strictSame([await one, await two], [1, 3]);
  t.equal((await refused).message, 'cannot');
});

test('a thread that keeps silent is waited for no longer than said', async (t) => {
  const { ask } = start(t);
  t.match(await rejection(ask('nothing', 1)), { message: /did not answer in time/ });
  t.equal(await ask('answer'), 2, 'and may answer the next one');
});

test('a thread that dies of an error: who waits is told, and why; its last words arrive', async (t) => {
  const { ask, thread, reports } = start(t);
  const waiting = rejection(ask('nothing'));
  const dying = rejection(ask('throw'));
  t.match(await thread.ended, { message: 'died of it', code: 'EDIED' });
  for (const told of await Promise.all([waiting, dying])) t.match(told, { message: /has ended/ });
  t.match(reports, [{ problem: 'last words' }]);
  t.match(await rejection(ask('answer')), { message: /has ended/ }, 'nobody waits for the dead');
  thread.post({ id: 9, do: 'answer' });
});

test('a thread that ends by itself ended for a reason, one that was ended did not', async (t) => {
  const { ask, thread } = start(t);
  void rejection(ask('exit'));
  t.match(await thread.ended, { message: /code 3/ });
  const other = start(t);
  await other.ask('answer');
  await other.thread.terminate();
  t.ok(await other.thread.ended, 'and is told all the same');
});

test('the system shows a thread by its name', { skip: process.platform !== 'linux' }, async (t) => {
  const { ask } = start(t);
  await ask('answer');
  const names = readdirSync('/proc/self/task').map((id) => readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim());
  t.ok(names.includes('worker 1'), names.join());
});
