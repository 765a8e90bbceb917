// What is revoked is revoked in every worker once the gate says so: for calls that come, calls that are open and credentials
// that are kept, wherever they are.

import { writeFileSync } from 'node:fs';
import { test } from 'tap';
import { holdStream } from '../support/e2e-stream.ts';
import { listIn, revokingIn } from '../support/revocation-world.ts';
import { startCrewWorld } from '../support/workers-world.ts';

test('a party is revoked in both workers, and one record says what ended', async (t) => {
  const world = await startCrewWorld(t, listIn);
  const { append, revoke, party } = revokingIn(world);
  const workers = await world.eachWorker();
  for (const call of workers) t.equal(await call(), 200);
  const opened: Promise<unknown>[] = [];
  for (const call of workers) {
    const opening = holdStream(world.upstream);
    opened.push(call('/api/stream').catch((failure: unknown) => failure));
    (await opening).send('data: one\n\n');
  }

  await revoke({ id: 'r-1', subject: party('user:alice') });
  for (const ended of await Promise.all(opened)) t.ok(ended instanceof Error, 'the open call was cut');
  const again = await world.eachWorker();
  for (const call of again) t.equal(await call(), 403);
  t.equal(await world.measured(/^postern_token_cache_entries/), 0);
  t.equal(await world.measured(/^postern_revocation_calls_ended_total/), 2);
  t.equal(await world.measured(/^postern_revocation_entries\{/), 1, 'one entry, not one for each worker');

  await append({ id: 'r-2', actor: party('agent:researcher') });
  for (;;) {
    const page = await fetch(`${world.app.adminUrl}/revocations`);
    if (/r-2/.test(await page.text())) break;
    await new Promise(setImmediate);
  }
  const researcher = { authorization: `Bearer ${await world.agent('researcher')}` };
  const bob = { ...researcher, 'postern-subject-token': await world.user('bob', 'agent:researcher') };
  for (const call of again) t.equal(await call('/api', bob), 403, 'shown once it is in force in both');

  const { records } = await world.end();
  const revocations = records.filter(({ event }) => event === 'postern.token.revoked');
  t.match(revocations, [
    { facts: { id: 'r-1', ended: { credentials: 2, handles: 0, calls: 2 } } },
    { facts: { id: 'r-2', ended: { credentials: 0, handles: 0, calls: 0 } } },
  ]);
});

test('a worker that takes the place of another takes its revocations, also those the list has lost', async (t) => {
  const world = await startCrewWorld(t, listIn);
  const { revoke, party, listFile } = revokingIn(world);
  await revoke({ id: 'r-1', subject: party('user:alice') });
  writeFileSync(listFile, '');
  await world.app.revocations.refresh();
  await world.threads[0]?.terminate();
  for (const call of await world.eachWorker()) t.equal(await call(), 403);
  t.equal(world.threads.length, 3);
});
