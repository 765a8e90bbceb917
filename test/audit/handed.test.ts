// The audit log as a worker has it: handed over in batches to whoever writes it. Whoever writes is played by the real log, or
// by a test that holds its answers back.

import { test } from 'tap';
import { createAudit, openAudit } from '../../src/audit/audit.ts';
import { type AuditAcknowledgement, type AuditBatch, createHandedTrail } from '../../src/audit/handed.ts';
import { createTakeBatch } from '../../src/audit/received.ts';
import { auditSchema } from '../../src/audit/schema.ts';
import { memoryLog } from '../support/audit-memory.ts';
import { recordingLog, silentLog } from '../support/log.ts';
import { rejection } from '../support/rejection.ts';

const someone = (): string => 'u_someone';

function worker(changes: object = {}, now = () => 0) {
  const handed: AuditBatch[] = [];
  const arrived = new Set<() => void>();
  const log = recordingLog();
  const trail = createHandedTrail({
    post(batch) {
      handed.push(structuredClone(batch));
      for (const tell of arrived) tell();
    },
    clock: { now },
    log,
  });
  const audit = createAudit({
    audit: auditSchema.parse({ sink: 'file', file: 'x', ...changes }),
    log,
    pseudonym: someone,
    trail,
  });
  return {
    ...{ audit, trail, handed, log },
    /** Resolves when so many batches were handed over. */
    async batches(count: number): Promise<readonly AuditBatch[]> {
      while (handed.length < count) await new Promise<void>((resolve) => arrived.add(resolve));
      return handed;
    },
    acknowledge: (changes: Partial<AuditAcknowledgement> = {}) =>
      trail.acknowledged({ number: handed.at(-1)?.number ?? 0, failure: undefined, obstacle: undefined, ...changes }),
  };
}

const before = { durability: 'before_response' };

test('records arrive in order, whole, in the one chain', async (t) => {
  const { audit, trail, handed } = worker();
  const memory = memoryLog();
  const config = auditSchema.parse({ sink: 'file', file: 'x' });
  const main = openAudit({
    ...{ audit: config, segments: memory.segments, clock: { now: () => 0 }, log: silentLog },
    ...{ version: 'test', pseudonym: someone },
  });
  const take = createTakeBatch(main);
  for (let n = 0; n < 3; n += 1) audit.event('test', { n });
  const flushed = audit.flush();
  const [batch] = await new Promise<readonly AuditBatch[]>((resolve) => setImmediate(() => resolve(handed)));
  t.equal(handed.length, 1, 'in one message');
  if (batch !== undefined) trail.acknowledged(await take(batch));
  await flushed;
  t.strictSame(
    memory.named('test').map(({ facts }) => facts),
    [{ n: 0 }, { n: 1 }, { n: 2 }],
  );
  t.match(main.stats().records, [{ event: 'test', outcome: 'accepted', count: 3 }], 'counted where they are written');
});

test('where calls wait for their records, they wait for the writer', async (t) => {
  const { audit, batches, acknowledge } = worker(before);
  audit.event('test', {});
  let secured = false;
  const waiting = audit.secured().then(() => {
    secured = true;
  });
  t.match(await batches(1), [{ flush: true }]);
  t.notOk(secured);
  acknowledge();
  await waiting;
});

test('what the writer could not put on disk refuses the calls that waited for it', async (t) => {
  const { audit, batches, acknowledge } = worker(before);
  const waiting = audit.secured();
  await batches(1);
  acknowledge({ failure: 'ENOSPC: no space left on device' });
  t.match(await rejection(waiting), { reason: 'audit_unavailable', detail: /ENOSPC/ });
});

test('what stands in the way at the writer refuses calls here, until it says otherwise', async (t) => {
  const { audit, acknowledge, batches } = worker();
  audit.event('test', {});
  await batches(1);
  acknowledge({ obstacle: 'ENOSPC: no space left on device' });
  t.match(await rejection(audit.secured()), { reason: 'audit_unavailable' });
  audit.event('test', {});
  await batches(2);
  acknowledge();
  await audit.secured();
});

test('a writer that does not answer refuses calls, before memory is full', async (t) => {
  let now = 0;
  const { audit, batches, acknowledge } = worker({}, () => now);
  audit.event('test', {});
  await batches(1);
  await audit.secured();
  now = 11_000;
  t.match(await rejection(audit.secured()), { reason: 'audit_unavailable', detail: /does not answer/ });
  acknowledge();
  await audit.secured();
});

test('more than may wait is lost, told, and refuses calls; what is lost is on the record once there is room', async (t) => {
  const { audit, trail, handed, log } = worker();
  const facts = { text: 'x'.repeat(10_000) };
  for (let n = 0; n < 500; n += 1) audit.event('test', facts);
  t.ok(trail.waiting <= 4 * 1_048_576);
  t.match(await rejection(audit.secured()), { reason: 'audit_unavailable' });
  const failed = audit.stats().records.find(({ outcome }) => outcome === 'failed');
  t.ok((failed?.count ?? 0) > 0);
  t.equal(log.lines.filter(({ message }) => message === 'audit: records are lost').length, 1);

  for (const { number } of [...handed]) trail.acknowledged({ number, failure: undefined, obstacle: undefined });
  await audit.secured();
  const flushed = trail.flush();
  await new Promise(setImmediate);
  for (const { number } of [...handed]) trail.acknowledged({ number, failure: undefined, obstacle: undefined });
  await flushed;
  const told = handed.flatMap(({ records }) => records).filter(([event]) => event === 'postern.audit.lost');
  t.strictSame(
    told.map(([, members]) => JSON.parse(`{${members}}`).lost.count),
    [failed?.count],
  );
});
