// Copies of audit records at a collector: all of them, in order, byte for byte; and what becomes of calls and of the log when the
// collector is slow, refuses, or is gone. What a copy says is in log-record.test.ts.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mock } from 'node:test';
import { type Test, test } from 'tap';
import { openAudit } from '../../src/audit/audit.ts';
import { auditSchema } from '../../src/audit/schema.ts';
import { createAuditCopies } from '../../src/telemetry/audit-copies.ts';
import { telemetrySchema } from '../../src/telemetry/schema.ts';
import { auditFile, check, linesOf, openTrail } from '../support/audit-trail.ts';
import { recordingLog } from '../support/log.ts';
import {
  type Answer,
  reset,
  silence,
  startReceiver,
  status,
  talksForEver,
  tookAllBut,
} from '../support/otlp-receiver.ts';
import { arrivedAt } from '../support/telemetry-calls.ts';

interface World {
  readonly answers?: readonly Answer[];
  readonly env?: Record<string, string>;
  readonly telemetry?: object;
}

/** An audit log in a file, and its copies at a receiver. */
async function world(t: Test, { answers = [], env = {}, telemetry = {} }: World = {}) {
  const receiver = await startReceiver(t, answers);
  const log = recordingLog();
  const clock = { now: () => arrivedAt };
  const file = auditFile(t);
  const copies = createAuditCopies({
    wanted: true,
    telemetry: telemetrySchema.parse({ endpoint: receiver.url, ...telemetry }),
    env,
    clock,
    log,
    version: '0.0.0-test',
    instance: 'one-of-many',
  });
  const audit = openAudit({
    audit: auditSchema.parse({ sink: 'file', file, durability: 'before_response' }),
    pseudonym: () => 'u_',
    clock,
    log,
    version: '0.0.0-test',
    copy: copies?.write,
  });
  t.teardown(() => audit.close());
  if (copies !== undefined) t.teardown(() => copies.close());
  const said = () => log.lines.filter(({ message }) => message.startsWith('audit: ')).map(({ message }) => message);
  const count = () => Object.fromEntries(copies?.stats().copies ?? []);
  return { receiver, audit, copies, file, said, count };
}

const lines = (file: string) => readFileSync(file, 'utf8').split('\n').slice(0, -1);
const gone = 'audit: records are not copied to the collector; the log has them';
const back = 'audit: records are copied to the collector again';
const held = 'audit: copies wait for the collector';

test('every line of the log is copied once, in order, byte for byte, and the copies are a log that verifies', async (t) => {
  const { receiver, audit, copies, file, count } = await world(t, { env: { OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: '7' } });
  for (let n = 0; n < 40; n += 1) audit.event('postern.config.changed', { n, text: 'ünïcode \u2028 "quoted"' });
  await audit.close();
  await copies?.close();
  const bodies = receiver.requests.flat().map(({ body }) => body);
  t.strictSame(bodies, lines(file));
  t.ok(
    receiver.requests.every((records) => records.length <= 7),
    'in batches',
  );
  t.strictSame(count(), { accepted: 42 });
  const copied = join(t.testdir({}), 'copied.jsonl');
  writeFileSync(copied, bodies.map((body) => `${body}\n`).join(''));
  t.strictSame((await check(copied)).found, [], 'chain and digests hold in what the collector has');
});

test('a collector that is busy or loses the connection gets the same records again, until it takes them', async (t) => {
  const busy = (code: number) => status(code, { 'retry-after': '0' });
  const { receiver, audit, copies, file, count, said } = await world(t, {
    answers: [busy(429), busy(503), busy(502), busy(504)],
  });
  audit.event('postern.config.changed', { n: 1 });
  await copies?.flush();
  t.equal(receiver.requests.length, 5);
  for (const records of receiver.requests) t.strictSame(records, receiver.requests[0]);
  await audit.flush();
  t.strictSame(
    receiver.requests.at(-1)?.map(({ body }) => body),
    lines(file),
  );
  t.strictSame(count(), { accepted: 2 });
  t.strictSame(said(), [held, back], 'told once when it begins and once when it is over');
});

test('what a collector refuses for good is counted and told once; what comes after is copied', async (t) => {
  const { audit, copies, count, said } = await world(t, { answers: [status(400), status(413), tookAllBut(1)] });
  for (let n = 0; n < 4; n += 1) {
    audit.event('postern.config.changed', { n });
    await copies?.flush();
  }
  t.strictSame(count(), { accepted: 1, refused: 4 }, 'the header line went with the first record');
  t.strictSame(said(), [gone, back]);
});

test('an answer without end is not read, and what was taken is not sent again', async (t) => {
  const { receiver, audit, copies, count } = await world(t, { answers: [talksForEver] });
  audit.event('postern.config.changed', {});
  await copies?.flush();
  audit.event('postern.config.changed', {});
  await copies?.flush();
  t.equal(receiver.requests.length, 2);
  t.strictSame(count(), { accepted: 3 });
});

test('a full queue costs copies, counted and told once; no call is refused, and the log has everything', async (t) => {
  const { audit, copies, file, count, said } = await world(t, { env: { OTEL_BLRP_MAX_QUEUE_SIZE: '10' } });
  for (let n = 0; n < 100; n += 1) audit.event('postern.config.changed', { n });
  t.strictSame(count(), { accepted: 0, queue_full: 91 });
  await audit.secured();
  t.equal(lines(file).length, 101);
  await copies?.flush();
  t.strictSame(count(), { accepted: 10, queue_full: 91 });
  t.strictSame(said(), [gone, back]);
});

test('a full batch goes at once, whatever the delay', async (t) => {
  const env = { OTEL_BLRP_SCHEDULE_DELAY: '3600000', OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: '5' };
  const { receiver, audit, count } = await world(t, { env });
  const writing = setImmediateLoop(() => audit.event('postern.config.changed', {}));
  await receiver.first;
  writing.stop();
  t.equal(receiver.requests[0]?.length, 5);
  t.equal(count()['queue_full'], undefined);
});

test('headers, compression, endpoint of logs alone', async (t) => {
  const other = await startReceiver(t);
  process.env['OTEL_EXPORTER_OTLP_LOGS_COMPRESSION'] = 'gzip';
  t.teardown(() => delete process.env['OTEL_EXPORTER_OTLP_LOGS_COMPRESSION']);
  const { receiver, copies } = await world(t, {
    telemetry: { headers: { 'x-api-key': 'canary-collector-key', 'x-tenant': 'from-config' } },
    env: { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `${other.url}/in`, OTEL_EXPORTER_OTLP_LOGS_HEADERS: 'x-tenant=from-env' },
  });
  await copies?.flush();
  t.equal(receiver.requests.length, 0);
  t.strictSame(other.paths, ['/in'], 'taken as it is');
  t.match(other.headers[0], {
    'content-type': 'application/x-protobuf',
    'content-encoding': 'gzip',
    'x-api-key': 'canary-collector-key',
  });
  t.equal(other.headers[0]?.['x-tenant'], undefined, 'the exporter reads that one from the process');
});

test('the standard variables turn copies off, which is told', async (t) => {
  for (const env of [{ OTEL_LOGS_EXPORTER: 'none' }, { OTEL_SDK_DISABLED: 'true' }]) {
    const { copies, audit, said } = await world(t, { env });
    t.equal(copies, undefined);
    audit.event('postern.config.changed', {});
    await audit.secured();
    t.match(said(), [
      'audit: nothing is copied: OTEL_SDK_DISABLED or OTEL_LOGS_EXPORTER says so, or no endpoint is set',
    ]);
  }
});

// Last, since their timers stay as they are.
test('without Retry-After the pauses grow; a broken connection is no answer', async (t) => {
  // Its own time flies, too, while an answer is on its way.
  process.env['OTEL_EXPORTER_OTLP_LOGS_TIMEOUT'] = '86400000';
  t.teardown(() => delete process.env['OTEL_EXPORTER_OTLP_LOGS_TIMEOUT']);
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  t.teardown(() => mock.timers.reset());
  const { receiver, copies, count } = await world(t, { answers: [reset, status(503)] });
  const flushed = copies?.flush();
  await receiver.first;
  const ticking = setImmediateLoop(() => mock.timers.tick(500));
  await flushed;
  ticking.stop();
  t.equal(receiver.requests.length, 3);
  t.strictSame(count(), { accepted: 1 });
});

test('a collector that never answers does not hold the shutdown; what it did not take is counted', async (t) => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  t.teardown(() => mock.timers.reset());
  const { receiver, audit, copies, count, said } = await world(t, { answers: [silence] });
  audit.event('postern.config.changed', {});
  const closed = copies?.close();
  await receiver.first;
  mock.timers.tick(3_000);
  await closed;
  t.strictSame(count(), { accepted: 0, closed: 2 });
  t.strictSame(said(), [gone]);
  audit.event('postern.config.changed', {});
  t.strictSame(count(), { accepted: 0, closed: 3 }, 'nothing is taken after the end');
});

/** Lets the event loop turn between ticks of a mocked clock. */
function setImmediateLoop(work: () => void): { stop(): void } {
  let going = true;
  const turn = () => {
    if (!going) return;
    work();
    setImmediate(turn);
  };
  setImmediate(turn);
  return {
    stop() {
      going = false;
    },
  };
}

test('a copy that cannot be made costs neither the line nor the chain, and no record counts as lost', async (t) => {
  const file = auditFile(t);
  const log = recordingLog();
  let copied = 0;
  const trail = openTrail({
    file,
    log,
    copy() {
      copied += 1;
      if (copied === 3 || copied === 4) throw new Error('no copy');
    },
  });
  const taken = [0, 1, 2, 3].map((n) => trail.append('test', { n }));
  t.strictSame(taken, [true, true, true, true]);
  await trail.close();
  t.match(
    linesOf(file).filter(({ event }) => event === 'test'),
    [{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }],
  );
  t.notOk(linesOf(file).some(({ event }) => event === 'postern.audit.lost'));
  t.strictSame(
    log.lines.filter(({ level }) => level === 'error').map(({ message }) => message),
    ['audit: a record is not copied'],
    'told once, not for every line',
  );
  t.strictSame((await check(file)).found, []);
});
