// What a copy of an audit record says: the line itself, in the trace of its call, under the names that spans have.

import fc from 'fast-check';
import { test } from 'tap';
import { decodeLogs } from '../../demo/otlp.ts';
import { membersOf } from '../../src/audit/json-text.ts';
import { beginning } from '../../src/audit/line.ts';
import { Refusal } from '../../src/base/errors.ts';
import { createLogRecordEncoder } from '../../src/telemetry/log-record.ts';
import { encodeRequest } from '../../src/telemetry/otlp-request.ts';
import { seal } from '../support/audit-trail.ts';
import { arrivedAt, carryOut, permittedCall } from '../support/telemetry-calls.ts';
import { telemetryWorld } from '../support/telemetry-world.ts';

test('a record stands in the trace of its call, with what people search by', async (t) => {
  const { telemetry, collector, copies, audit, spans } = await telemetryWorld(t, { audit: { otlp: true } });
  carryOut(telemetry.observe);
  const denied = permittedCall(telemetry.observe);
  denied.observation.refused(denied, new Refusal('policy_denied'));
  const failed = permittedCall(telemetry.observe);
  failed.observation.refused(failed, new Refusal('internal_fault'));
  await copies?.flush();
  const logs = collector.logs();
  t.strictSame(
    logs.map(({ body }) => body),
    audit.all,
  );
  const allowed = logs.find(({ event }) => event === 'postern.access.allowed');
  const record = JSON.parse(String(allowed?.body));
  const exported = await spans();
  t.equal(allowed?.traceId, record.trace_id);
  t.ok(
    exported.some(({ traceId, spanId }) => traceId === allowed?.traceId && spanId === allowed?.spanId),
    'the SERVER span of that call is there',
  );
  t.match(allowed, {
    time: Date.parse(record.time),
    severity: 9,
    severityText: 'INFO',
    scope: 'postern.audit',
    attributes: {
      'log.record.uid': record.event_id,
      'postern.audit.seq': record.seq,
      'postern.audit.hash': record.hash,
      'postern.request.id': record.request_id,
      'postern.delegation.root_id': record.root_id,
      'postern.route.id': record.route,
      'postern.decision': 'allow',
      'postern.policy.id': record.rule,
      'http.response.status_code': record.status,
    },
  });
  t.strictSame(allowed?.resource, exported[0]?.resource, 'of the same process as its spans');
  const severities = logs
    .filter(({ event }) => event === 'postern.access.denied')
    .map(({ severityText, attributes }) => [severityText, attributes['postern.denial.reason']]);
  t.strictSame(severities, [
    ['WARN', 'policy_denied'],
    ['ERROR', 'internal_fault'],
  ]);
  const changed = logs.find(({ event }) => event === 'postern.audit.segment');
  t.strictSame([changed?.traceId, changed?.spanId], ['', ''], 'what belongs to no call belongs to no trace');
  t.match(await telemetry.prometheus(), /postern_audit_copies_total\{outcome="accepted"\} \d/);
});

test('users and agents are called in copies what they are called on spans', async (t) => {
  const subjects: readonly ['pseudonymous' | 'raw' | 'omit', RegExp][] = [
    ['pseudonymous', /^user:u_/],
    ['raw', /^user:canary%3E%20user$/],
    ['omit', /^undefined$/],
  ];
  for (const [subject, looks] of subjects) {
    const world = await telemetryWorld(t, { audit: { otlp: true, subject }, telemetry: { subject } });
    const user = { kind: 'user', iss: 'https://idp.example.com', sub: 'canary> user', claims: {} } as const;
    carryOut(world.telemetry.observe, { subject: user });
    await world.copies?.flush();
    const of = (attributes: Record<string, unknown> = {}) =>
      ['subject', 'actor', 'root_id', 'id', 'parent_id'].map((name) => attributes[`postern.delegation.${name}`]);
    const copy = world.collector.logs().find(({ event }) => event === 'postern.access.allowed');
    const server = (await world.spans()).find(({ kind }) => kind === 'server');
    t.match(String(of(copy?.attributes)[0]), looks);
    t.ok(of(copy?.attributes)[1]);
    t.strictSame(of(copy?.attributes), of(server?.attributes));
  }
});

const encode = createLogRecordEncoder();
const nothing = Buffer.alloc(0);

test('whatever a line holds, it arrives as it is, and nothing in it can be taken for another field', (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 300 });
  const anything = fc.oneof(
    text,
    fc.double({ noNaN: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(text),
    fc.object(),
  );
  const fields = [
    'trace_id',
    'span_id',
    'event',
    'time',
    'decision',
    'subject',
    'caller',
    'exchange',
    'status',
    'route',
  ];
  const record = fc.record(Object.fromEntries(fields.map((name) => [name, anything])), { requiredKeys: [] });
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 5 }), (records) => {
      const lines = records.map((one) => seal(beginning, membersOf({ ...one, filler: 1 })).line);
      const items = lines.map((line) => encode(line, arrivedAt));
      const logs = decodeLogs(encodeRequest({ resource: nothing, scope: nothing }, items));
      t.strictSame(
        logs.map(({ body, observed }) => [body, observed]),
        lines.map((line) => [line, arrivedAt]),
      );
      for (const { traceId, spanId, severity } of logs) {
        t.match(traceId, /^(?:[0-9a-f]{32})?$/);
        t.match(spanId, /^(?:[0-9a-f]{16})?$/);
        t.ok([9, 13, 17].includes(severity));
      }
    }),
    { seed: 1, numRuns: 150 },
  );
  t.end();
});

test('the largest line there can be', (t) => {
  const { line } = seal(beginning, membersOf({ event: 'test', filler: 'ü'.repeat(131_000) }));
  const [log] = decodeLogs(encodeRequest({ resource: nothing, scope: nothing }, [encode(line, arrivedAt)]));
  t.equal(log?.body, line);
  t.end();
});
