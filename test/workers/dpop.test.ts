// A bound token that one worker obtained is used by the other: its key comes with it, so that both can prove it.

import { test } from 'tap';
import { systemClock } from '../../src/base/ports.ts';
import { boundExchange, keepDoor } from '../support/dpop-world.ts';
import { startCrewWorld } from '../support/workers-world.ts';

test('every worker proves the key of a token that any of them obtained', async (t) => {
  const world = await startCrewWorld(t, (places) => ({ exchanges: { corp: boundExchange(places) } }));
  const { faults, demand } = keepDoor(world.upstream, systemClock);
  const workers = await world.eachWorker();
  t.equal(workers.length, 2);
  const same = { authorization: `Bearer ${await world.agent()}`, 'postern-subject-token': await world.user() };
  for (const call of [...workers, ...workers]) t.equal(await call('/api', same), 200, faults.join());
  const sent = world.upstream.received.map(({ headers }) => headers);
  t.equal(sent.length, 4);
  t.equal(new Set(sent.map(({ authorization }) => authorization)).size, 1, 'one token');
  t.equal(new Set(sent.map((headers) => headers['dpop'])).size, 4, 'and a proof for each call');

  demand('a-nonce');
  for (const call of [...workers, ...workers]) t.equal(await call('/api', same), 200, faults.join());
  t.strictSame(faults, ['nonce is undefined', 'nonce is undefined'], 'each learns the nonce once');
});
