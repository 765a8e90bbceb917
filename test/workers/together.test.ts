// Two workers, told apart by nobody: calls go to both, are counted together, written to one audit log, and one of them asks the
// issuer for both.

import { test } from 'tap';
import { Agent, request } from 'undici';
import { startApp } from '../../src/app.ts';
import { systemClock } from '../../src/base/ports.ts';
import { check } from '../support/audit-trail.ts';
import { calls } from '../support/e2e-world.ts';
import { silentLog } from '../support/log.ts';
import { rejection } from '../support/rejection.ts';
import { callsOf, startCrewWorld } from '../support/workers-world.ts';

test('two workers are one gate', async (t) => {
  const world = await startCrewWorld(t);
  const workers = await world.eachWorker();

  await t.test('both carry calls, and are counted together', async (t) => {
    t.equal(workers.length, 2, 'the system deals connections out to both');
    for (const call of workers) t.equal(await call(), 200);
    t.equal(await world.measured(/^postern_workers /), 2);
    t.equal(await world.measured(/^postern_authorization_decisions_total\{.*"allow"/), 2, 'decisions, added up');
    const observed = await world.measured(/^http_server_request_duration_seconds_count/);
    t.equal(observed, await world.measured(/^postern_worker_calls_total/), 'histograms too');
    const ready = await fetch(`${world.app.adminUrl}/readyz`);
    t.match(await ready.json(), { ready: true, waitingFor: [], exchanges: [{ name: 'corp', ready: true }] });
  });

  await t.test('a thousand callers at once, one key, cold, on both: exactly one exchange', async (t) => {
    const headers = { authorization: `Bearer ${await world.agent()}`, 'postern-subject-token': await world.user() };
    const dispatcher = new Agent({ connections: 250 });
    t.teardown(() => dispatcher.destroy());
    const counts = () => Promise.all([1, 2].map((worker) => world.measured(callsOf(worker))));
    const [exchanges, before] = [world.issuer.asked.length, await counts()];
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, async () => {
        const { statusCode, body } = await request(`${world.gate}/api`, { headers, dispatcher });
        await body.dump();
        return statusCode;
      }),
    );
    t.strictSame(new Set(answers), new Set([200]));
    t.equal(world.issuer.asked.length, exchanges + 1);
    for (const [at, count] of (await counts()).entries()) t.ok(count > (before[at] ?? 0), `worker ${at + 1} took some`);
  });

  await t.test('another gate at the same address is refused, although they share theirs', async (t) => {
    const outbound = new URL(world.gate).host;
    const audit = { sink: 'file', file: `${world.folder}/other.jsonl` };
    world.configure({ workers: 2, listen: { outbound, admin: '127.0.0.1:0' }, audit });
    const failure = await rejection(
      startApp({ configFile: world.configFile, clock: systemClock, log: silentLog, env: {}, watch: false }),
    );
    t.match(failure, { code: 'EADDRINUSE' });
  });

  await t.test('a stop lets the calls of both end, and leaves one log and nothing else', async (t) => {
    const arrived = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    let waiting = 0;
    world.upstream.answerWith((response) => {
      waiting += 1;
      if (waiting === 2) arrived.resolve();
      void held.promise.then(() => response.end('{}'));
    });
    const answers = workers.map((call) => call());
    await arrived.promise;
    const ending = world.end();
    held.resolve();
    t.strictSame(await Promise.all(answers), [200, 200]);

    const { records, spans } = await ending;
    t.equal(calls(records).filter(({ event }) => event === 'postern.access.allowed').length, 1_004);
    const { found } = await check(world.auditFile, { expectClosed: true });
    t.strictSame(found, [], 'one chain, whoever made the records');
    t.equal(new Set(spans.map(({ resource }) => resource['service.instance.id'])).size, 2, 'spans say whose they are');
    t.strictSame(
      world.threads.map(({ threadId }) => threadId),
      [-1, -1],
      'no thread is left',
    );
    await t.rejects(fetch(world.gate), 'nor a listener');
  });
});

test('records that calls wait for are on disk first, in whichever worker', async (t) => {
  const world = await startCrewWorld(t, ({ folder }) => ({
    audit: { sink: 'file', file: `${folder}/audit.jsonl`, subject: 'raw', durability: 'before_response' },
  }));
  const workers = await world.eachWorker();
  for (const call of workers) t.equal(await call(), 200);
  const { records } = await world.end();
  for (const one of records.filter(({ event }) => event === 'postern.access.allowed')) {
    const own = records.filter((record) => record['request_id'] === one['request_id']).map(({ event }) => event);
    t.strictSame(own, ['postern.access.permitted', 'postern.token.exchanged', 'postern.access.allowed']);
  }
});

test('a log that cannot be written refuses calls in every worker', async (t) => {
  const world = await startCrewWorld(t, () => ({
    audit: { sink: 'file', file: '/dev/full', durability: 'before_response' },
  }));
  for (const call of await world.eachWorker()) t.equal(await call(), 503);
  t.equal(world.upstream.received.length, 0);
  t.equal(world.issuer.asked.length, 0);
});
