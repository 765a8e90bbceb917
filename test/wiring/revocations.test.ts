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

test('the page shows the latest thousand, and says of how many', async (t) => {
  const list = testList(
    t,
    linesOf(...Array.from({ length: 1_001 }, (_, at) => ({ id: `r${at}`, route: `route-${at}` }))),
  );
  const loaded = await load(`${validConfig}revocation: { file: ${list.file} }\n`);
  const revocations = await openRevocations({ loaded, clock: { now: () => 0 }, log: silentLog });
  t.teardown(() => revocations.close());
  const page: { total?: number; entries?: readonly { id: string }[] } = revocations.page();
  t.equal(page.total, 1_001);
  t.strictSame([page.entries?.length, page.entries?.[0]?.id, page.entries?.at(-1)?.id], [1_000, 'r1000', 'r1']);
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
