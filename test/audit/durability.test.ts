// When a call may go on: with `before_response` not before its decision is on disk, and not at all where the disk takes nothing,
// unless somebody chose that. Shown on a real file whose disk the test holds, and a real upstream.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Test, test } from 'tap';
import { openAudit } from '../../src/audit/audit.ts';
import { auditSchema } from '../../src/audit/schema.ts';
import { openSegments } from '../../src/audit/segments.ts';
import type { Arrival, Reply, Stages } from '../../src/call.ts';
import { createTelemetry } from '../../src/telemetry/observe.ts';
import { telemetrySchema } from '../../src/telemetry/schema.ts';
import { watchAudit } from '../../src/wiring/gauges.ts';
import { createAssemble } from '../../src/wiring/recorded.ts';
import { memoryLog } from '../support/audit-memory.ts';
import { auditFile, check, linesOf } from '../support/audit-trail.ts';
import { recordingLog } from '../support/log.ts';
import { armed, arrival, arrivedAt, known, permitted, reply, routed, stripped } from '../support/telemetry-calls.ts';

const clock = { now: () => arrivedAt };
const someone = (): string => 'u_someone';

async function upstream(t: Test) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.url ?? '');
    response.end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo; // a TCP server has no other kind of address
  return { seen, url: `http://127.0.0.1:${port}/` };
}

/** A disk that syncs when told. */
function heldDisk() {
  const waiting: (() => void)[] = [];
  let arrived = Promise.withResolvers<void>();
  return {
    sync: () =>
      new Promise<void>((resolve) => {
        waiting.push(resolve);
        arrived.resolve();
      }),
    async asked() {
      await arrived.promise;
      arrived = Promise.withResolvers();
    },
    release() {
      for (const go of waiting.splice(0)) go();
    },
  };
}

async function gate(t: Test, changes: object, segments = memoryLog().segments, pseudonym = someone) {
  const log = recordingLog();
  const config = auditSchema.parse({ sink: 'file', file: 'given', ...changes });
  const audit = openAudit({ audit: config, segments, clock, log, version: 'test', pseudonym });
  const telemetry = createTelemetry({
    telemetry: telemetrySchema.parse({}),
    audit,
    pseudonym,
    env: {},
    clock,
    log,
    version: 'test',
  });
  watchAudit(telemetry, audit);
  t.teardown(() => telemetry.close());
  const { seen, url } = await upstream(t);
  const answered: string[] = [];
  const stages: Stages = {
    observe: telemetry.observe,
    strip: (call) => stripped(call),
    identify: async (call) => known(call),
    route: async (call) => routed(call),
    permit: (call) => permitted(call),
    async arm(call) {
      answered.push('armed');
      return armed(call);
    },
    async forward(call): Promise<Reply> {
      await fetch(url);
      answered.push('forwarded');
      return reply(call);
    },
    refuse: (_call, refusal) => void answered.push(`${refusal.status} ${refusal.reason}`),
  };
  const carry = createAssemble(telemetry, audit)(stages);
  const call = (id: string) => carry({ ...arrival(), id } satisfies Arrival);
  return { audit, telemetry, call, seen, answered, log };
}

test('before_response: nothing is asked for or called before the decision is on disk', async (t) => {
  const file = auditFile(t);
  const disk = heldDisk();
  const log = recordingLog();
  const segments = openSegments({ file, log, sync: disk.sync });
  const world = await gate(t, { durability: 'before_response' }, segments);
  const done = world.call('call-1');
  await disk.asked();
  t.strictSame(world.answered, [], 'no credential is asked for');
  t.strictSame(world.seen, [], 'and the upstream has seen nothing');
  t.match(linesOf(file).at(-1), {
    event: 'postern.access.permitted',
    request_id: 'call-1',
    rule: 'research-small-models',
    decision: 'allow',
  });
  disk.release();
  await done;
  t.strictSame(world.answered, ['armed', 'forwarded']);
  t.equal(world.seen.length, 1);

  const closed = world.audit.close();
  await disk.asked();
  disk.release();
  await closed;
  t.match(
    linesOf(file).map(({ event }) => event),
    ['postern.audit.segment', 'postern.access.permitted', 'postern.access.allowed', 'postern.audit.checkpoint'],
  );
  t.strictSame((await check(file)).found, []);
});

test('many calls wait for one sync, and each goes on only behind its own record', async (t) => {
  const file = auditFile(t);
  const disk = heldDisk();
  const segments = openSegments({ file, log: recordingLog(), sync: disk.sync });
  const world = await gate(t, { durability: 'before_response' }, segments);
  const first = world.call('call-0');
  await disk.asked();
  const rest = Array.from({ length: 20 }, (_, n) => world.call(`call-${n + 1}`));
  disk.release();
  await first;
  t.equal(world.seen.length, 1);
  await disk.asked();
  t.equal(readFileSync(file, 'utf8').match(/access\.permitted/g)?.length, 21);
  disk.release();
  await Promise.all(rest);
  t.equal(world.seen.length, 21, 'one more sync was enough for twenty calls');
  const lines = linesOf(file);
  t.strictSame(
    lines.map(({ seq }) => seq),
    lines.map((_, index) => index),
  );
});

test('async: nothing waits, and no decision is recorded twice', async (t) => {
  const memory = memoryLog();
  const world = await gate(t, {}, memory.segments);
  await world.call('call-1');
  t.strictSame(world.answered, ['armed', 'forwarded']);
  t.equal(memory.named('postern.access.permitted').length, 0);
  t.equal(memory.named('postern.access.allowed').length, 1);
});

for (const durability of ['async', 'before_response']) {
  test(`fail: closed (${durability}): a log that cannot be written refuses what policy allows, until it can`, async (t) => {
    const memory = memoryLog();
    const world = await gate(t, { durability }, memory.segments);
    memory.fail(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }));
    await world.call('call-1');
    t.strictSame(world.answered, ['503 audit_unavailable']);
    t.strictSame(world.seen, []);
    memory.fail(undefined);
    await world.call('call-2');
    t.equal(world.seen.length, 1);
    t.match(memory.named('postern.audit.lost'), [{ lost: { count: durability === 'async' ? 1 : 2 } }]);
  });
}

/** A log that takes every line but those of decisions, as one with too little room left for them does. */
function withoutRoom() {
  const memory = memoryLog();
  const sink = memory.segments.next(undefined);
  const write = sink.write;
  sink.write = (line, end) => {
    if (line.includes('access.permitted')) throw new RangeError('too many audit records wait to be written');
    write(line, end);
  };
  return { ...memory, segments: { ...memory.segments, next: () => sink } };
}

test('fail: closed: room for other records is none for the one of this call', async (t) => {
  const world = await gate(t, { durability: 'before_response' }, withoutRoom().segments);
  await world.call('call-1');
  t.strictSame(world.answered, ['503 audit_unavailable']);
  t.strictSame(world.seen, []);
});

test('fail: open: a call goes on without its own record, and that is counted', async (t) => {
  const world = await gate(t, { durability: 'before_response', fail: 'open' }, withoutRoom().segments);
  await world.call('call-1');
  t.strictSame(world.answered, ['armed', 'forwarded']);
  const unsecured = 'postern_audit_records_total{event="postern.access.permitted",outcome="unsecured"} 1';
  t.match(await world.telemetry.prometheus(), unsecured);
});

test('fail: closed: a record that cannot be made refuses the call', async (t) => {
  const pseudonyms = () => {
    throw new Error('no key');
  };
  const world = await gate(t, { durability: 'before_response' }, memoryLog().segments, pseudonyms);
  await world.call('call-1');
  t.strictSame(world.answered, ['503 audit_unavailable']);
  t.strictSame(world.seen, []);
});

test('fail: open: the calls go on, counted and told once', async (t) => {
  const memory = memoryLog();
  const world = await gate(t, { durability: 'before_response', fail: 'open' }, memory.segments);
  memory.fail(new Error('ENOSPC'));
  await world.call('call-1');
  await world.call('call-2');
  t.equal(world.seen.length, 2);
  t.match(
    await world.telemetry.prometheus(),
    'postern_audit_records_total{event="postern.access.permitted",outcome="unsecured"} 2',
  );
  const told = world.log.lines.filter(({ message }) => message === 'audit: calls go on without records');
  t.equal(told.length, 1);
});

test('a real full disk', async (t) => {
  const log = recordingLog();
  const world = await gate(t, { durability: 'before_response' }, openSegments({ file: '/dev/full', log }));
  await world.call('call-1');
  t.strictSame(world.answered, ['503 audit_unavailable']);
  t.match(log.lines, [
    { level: 'error', facts: { err: { code: 'ENOSPC' } }, message: 'audit: records are not written' },
  ]);
});
