// A worker that ends by itself takes its calls with it and nothing else: the others serve on, another takes its place with the
// configuration that is in force, and what it had counted and obtained is not lost.

import { test } from 'tap';
import { check } from '../support/audit-trail.ts';
import { apiRoute } from '../support/e2e-world.ts';
import { logged, startCrewWorld } from '../support/workers-world.ts';

test('another takes the place of a worker that ended', async (t) => {
  const world = await startCrewWorld(t);
  for (const call of await world.eachWorker()) t.equal(await call(), 200);
  world.configure({ workers: 2, routes: [apiRoute(world), apiRoute(world, { name: 'new', path: '/new' })] });
  await world.app.reload();
  const before = await world.measured(/^postern_worker_calls_total/);

  await world.threads[0]?.terminate();
  await logged(world, 'worker replaced');
  t.match(
    world.log.filter(({ message }) => message.startsWith('worker ended')).map(({ level, facts }) => [level, facts]),
    [['error', { worker: 1 }]],
  );
  t.equal(world.threads.length, 3);
  t.equal(await world.measured(/^postern_workers /), 2);
  t.equal(await world.measured(/^postern_worker_ends_total /), 1);
  t.equal(await world.measured(/^postern_worker_calls_total/), before, 'what it counted stays counted');

  const workers = await world.eachWorker();
  t.equal(workers.length, 2);
  for (const call of workers) t.equal(await call('/new'), 200, 'with the configuration in force');
  t.equal((await fetch(`${world.app.adminUrl}/readyz`)).status, 200);

  await world.end();
  const { found } = await check(world.auditFile, { expectClosed: true });
  t.strictSame(found, [], 'the audit log is whole');
  t.equal(world.threads.length, 3, 'a stop replaces nobody');
});
