// A whole gate whose audit records are copied to the collector of its spans: what lies there is the log, joined to the traces; and
// a collector that is gone costs no call.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { traceId, traceparent } from '../support/e2e-vendor.ts';
import { calls, startE2e, told } from '../support/e2e-world.ts';
import { clockAt, start } from '../support/sts-issuer.ts';

const linesOf = (file: string) => readFileSync(file, 'utf8').split('\n').slice(0, -1);

test('the collector has every line of the log once, in order, each in the trace of its call', async (t) => {
  const world = await startE2e(t, {
    config: ({ folder }) => ({ audit: { sink: 'file', file: join(folder, 'audit.jsonl'), otlp: true } }),
  });
  t.equal((await world.call('/api', { headers: { traceparent } })).status, 200);
  t.strictSame(told(await world.call('/api', { agent: null, user: null })), [401, 'credential_required']);
  const { spans } = await world.end();
  const logs = world.collector.logs();
  t.strictSame(
    logs.map(({ body }) => body),
    linesOf(world.auditFile),
  );
  t.equal(logs.at(-1)?.event, 'postern.audit.checkpoint', 'the last one too');
  const ofCall = logs.filter((record) => record.traceId === traceId).map(({ event }) => event);
  t.strictSame(ofCall, ['postern.token.exchanged', 'postern.access.allowed']);
  for (const { traceId: trace, spanId, resource } of logs.filter((record) => record.traceId !== '')) {
    const span = spans.find((one) => one.traceId === trace && one.spanId === spanId);
    t.strictSame(span?.resource, resource, 'the span is there, and of the same process');
  }
  const bytes = Buffer.concat(world.collector.rawBytes()).toString('latin1');
  const secrets = [...world.issuer.asked, ...world.upstream.received].flatMap(({ headers }) =>
    String(headers['authorization'] ?? '')
      .split(' ')
      .slice(1),
  );
  t.ok(secrets.length >= 2);
  t.notOk(
    secrets.some((secret) => bytes.includes(secret)),
    'no credential in what was exported',
  );
});

test('a collector that is gone costs no call, not even with before_response', async (t) => {
  const world = await startE2e(t, {
    config: ({ folder }) => ({
      telemetry: {
        endpoint: 'http://127.0.0.1:1',
        traces: { exporter: 'none' },
        metrics: { exporter: 'none' },
      },
      audit: { sink: 'file', file: join(folder, 'audit.jsonl'), durability: 'before_response', otlp: true },
    }),
  });
  t.equal((await world.call('/api')).status, 200);
  t.equal((await world.call('/api')).status, 200);
  const page = await (await fetch(`${world.app.adminUrl}/metrics`)).text();
  t.match(page, /postern_audit_copies_total\{outcome="accepted"\} 0/);
  t.match(page, /postern_audit_copies_waiting [1-9]/);
});

test('keys that cannot be fetched are counted, and a reload does not begin anew', async (t) => {
  const clock = clockAt(start);
  const world = await startE2e(t, { clock, issuerDown: true });
  const counted = async () => {
    const page = await (await fetch(`${world.app.adminUrl}/metrics`)).text();
    return Number(/postern_jwks_fetch_failures_total\{postern_trust="corp"\} (\d+)/.exec(page)?.[1]);
  };
  await fetch(`${world.app.adminUrl}/readyz`);
  const first = await counted();
  t.ok(first >= 1);
  await world.app.reload();
  await fetch(`${world.app.adminUrl}/readyz`);
  t.ok((await counted()) > first);
  t.strictSame(calls((await world.end()).records), []);
});
