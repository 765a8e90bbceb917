// A gate in another thread that takes up what is in force already: the list may have lost it by then.

import { rmSync, writeFileSync } from 'node:fs';
import { type Test, test } from 'tap';
import { openRevocations } from '../../src/wiring/revocations.ts';
import { load, validConfig } from '../support/config-world.ts';
import { silentLog } from '../support/log.ts';
import { idp, linesOf, plannerCall, testList } from '../support/revocation-lists.ts';

const aliceLine = { id: 'a', subject: { iss: idp, sub: 'alice' } };

async function world(t: Test) {
  const list = testList(t, linesOf(aliceLine));
  const loaded = await load(`${validConfig}revocation: { file: ${list.file} }\n`);
  const options = { loaded, clock: { now: () => 0 }, log: silentLog };
  const first = await openRevocations(options);
  t.teardown(() => first.close());
  return { ...list, options, first };
}

test('what was handed over is in force although the list lost it, until it is lifted', async (t) => {
  const { write, options, first } = await world(t);
  write('');
  const second = await openRevocations({ ...options, inForce: structuredClone(first.entries()) });
  t.teardown(() => second.close());
  t.equal(second.refusalOf(plannerCall())?.reason, 'subject_revoked');
  t.equal(second.stats().kept, 1);
  writeFileSync(options.loaded.config.revocation?.file ?? '', linesOf({ lift: 'a' }));
  await second.refresh();
  t.equal(second.refusalOf(plannerCall()), undefined);
});

test('nor does a list that vanished keep it from starting', async (t) => {
  const { file, options, first } = await world(t);
  rmSync(file);
  const second = await openRevocations({ ...options, inForce: first.entries() });
  t.teardown(() => second.close());
  t.equal(second.refusalOf(plannerCall())?.reason, 'subject_revoked');
  t.match(second.status()?.problems, [{ what: /ENOENT/ }]);
  await t.rejects(openRevocations(options), /names a list that cannot be read/, 'the first one needs it');
});
