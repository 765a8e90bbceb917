// Acting unseen by filling the disk. An agent makes the gate write until the disk takes no more (or the operator forgot it), and
// then does what it does not want to be seen doing. A call that cannot be recorded is not made: it is refused with a 503 that
// SDKs retry, it reaches neither issuer nor upstream, and the log says why.

import { test } from 'tap';
import { startE2e, told } from '../support/e2e-world.ts';

const fullDisk = (changes: object) => ({
  config: () => ({ audit: { sink: 'file', file: '/dev/full', durability: 'before_response', ...changes } }),
});

test('the gate refuses what it cannot record', async (t) => {
  const world = await startE2e(t, fullDisk({}));
  const answer = await world.call('/api/secrets');
  t.strictSame(told(answer), [503, 'overloaded']);
  t.equal(answer.headers.get('retry-after'), '5');
  await answer.body?.cancel();
  t.equal(world.upstream.received.length, 0);
  t.ok(world.log.some(({ message }) => message === 'audit: records are not written'));
});

test('unless somebody chose otherwise', async (t) => {
  const world = await startE2e(t, fullDisk({ fail: 'open' }));
  const answer = await world.call('/api/thing');
  t.equal(answer.status, 200);
  await answer.body?.cancel();
  t.ok(world.log.some(({ message }) => message === 'audit: calls go on without records'));
});
