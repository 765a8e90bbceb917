// Another configuration is in force in every worker or in none.

import { writeFileSync } from 'node:fs';
import { test } from 'tap';
import { ConfigError } from '../../src/config/load.ts';
import { apiRoute } from '../support/e2e-world.ts';
import { rejection } from '../support/rejection.ts';
import { startCrewWorld } from '../support/workers-world.ts';

test('two workers, and one configuration after the other', async (t) => {
  const world = await startCrewWorld(t);
  const workers = await world.eachWorker();
  const other = { workers: 2, routes: [apiRoute(world, { path: '/other' })] };
  const both = { workers: 2, routes: [apiRoute(world), apiRoute(world, { name: 'other', path: '/other' })] };

  await t.test('a good one takes over in both', async (t) => {
    world.configure(other);
    t.equal(await world.app.reload(), true);
    for (const call of workers) t.strictSame([await call('/other'), await call('/api')], [200, 404]);
  });

  await t.test('a bad one is refused, and both keep the one before', async (t) => {
    writeFileSync(world.configFile, 'version: 1\nroutes: 5\n');
    t.ok((await rejection(world.app.reload())) instanceof ConfigError);
    for (const call of workers) t.strictSame([await call('/other'), await call('/api')], [200, 404]);
  });

  await t.test('a call under way goes on, in its worker', async (t) => {
    const arrived = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    world.upstream.answerWith((response) => {
      arrived.resolve();
      void held.promise.then(() => response.end('{}'));
    });
    const answer = workers[0]?.('/other');
    await arrived.promise;
    world.configure(both);
    await world.app.reload();
    held.resolve();
    t.equal(await answer, 200);
  });

  await t.test('what was obtained before is not used after', async (t) => {
    const [call] = workers;
    await call?.('/api');
    await world.app.reload();
    const before = world.issuer.asked.length;
    await call?.('/api');
    await call?.('/api');
    t.equal(world.issuer.asked.length, before + 1, 'as in one thread');
  });

  await t.test('one that a worker cannot use is in force in none', async (t) => {
    const [, second] = world.threads;
    const post = second?.postMessage.bind(second);
    if (second === undefined || post === undefined) throw new Error('there is no second worker');
    // As if what it was handed had been lost on the way.
    second.postMessage = (order) => post(order.kind === 'prepare' ? { ...order, edition: {} } : order);
    world.configure({ workers: 2, routes: [apiRoute(world, { path: '/third' })] });
    t.match((await rejection(world.app.reload())).message, /not all workers can use the configuration: worker 2/);
    for (const call of workers) t.strictSame([await call('/api'), await call('/third')], [200, 404]);

    second.postMessage = post;
    t.equal(await world.app.reload(), true);
    for (const call of workers) t.strictSame([await call('/api'), await call('/third')], [404, 200]);
  });
});
