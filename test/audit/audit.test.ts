// The audit record of a call: every documented field, nothing undocumented, users as configured, and what is not there.

import { appendFileSync } from 'node:fs';
import { test } from 'tap';
import { auditFields } from '../../src/audit/fields.ts';
import { Refusal } from '../../src/base/errors.ts';
import { Secret } from '../../src/base/secret.ts';
import type { Arrival, ObservedCall } from '../../src/call.ts';
import { ed25519 } from '../support/audit-keys.ts';
import { auditFile, linesOf, openTrail } from '../support/audit-trail.ts';
import {
  armedCall,
  arrival,
  canaries,
  carryOut,
  coder,
  credentialFacts,
  known,
  permittedCall,
  planner,
  reply,
  stripped,
  workload,
} from '../support/telemetry-calls.ts';
import { telemetryWorld } from '../support/telemetry-world.ts';

/** Names of all values in a record, nested ones with a dot, list positions left out. */
function fieldsOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => fieldsOf(item, path));
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, inner]) => fieldsOf(inner, path === '' ? name : `${path}.${name}`));
}

test('an allowed call, in full', async (t) => {
  const world = await telemetryWorld(t);
  const call = armedCall(world.telemetry.observe, { jti: 'j1', actors: [coder, planner], facts: { tool: 'search' } });
  world.pass(12.5);
  call.observation.replied(reply(call));
  const [record] = world.audit.records();
  t.match(record, {
    time: '2026-11-21T12:00:00.012Z',
    event: 'postern.access.allowed',
    request_id: call.id,
    trace_id: call.observation.span.traceId,
    span_id: call.observation.span.spanId,
    root_id: 'root-1',
    delegation_id: 'issued-id-hash',
    parent_id: /^[0-9a-f]{16}$/,
    route: 'openai',
    preset: 'openai',
    operation: 'chat',
    model: 'gpt-5-mini',
    tool: 'search',
    method: 'POST',
    path: '/openai/v1/chat/completions',
    peer: '127.0.0.1',
    caller: { kind: 'workload', iss: 'https://idp.example.com', sub: coder },
    subject: { kind: 'user', id: /^user:u_/ },
    actors: [{ sub: coder }, { sub: planner }],
    binding: 'audience',
    decision: 'allow',
    rule: 'research-small-models',
    policy_version: 'pv-1',
    status: 200,
    credential: {
      kind: 'exchanged',
      exchange: 'corp',
      grant: 'token_exchange',
      issuer: 'https://idp.example.com',
      audience: 'https://api.openai.com',
      scopes_requested: ['model.invoke', 'model.read'],
      scopes_granted: ['model.invoke'],
      expires_at: '2026-11-21T12:05:00.000Z',
      lifetime_s: 300,
      fingerprint: 'f1f2f3f4f5f6f7f8',
      id_hash: 'issued-id-hash',
      verification: { mode: 'strict', findings: [] },
    },
    cache: 'miss',
    stripped: ['header:authorization', 'query:key'],
    upstream: { address: 'api.openai.com:443', request_id: 'req_upstream_1' },
    bytes: { sent: 42, received: 99 },
    duration_ms: 12.5,
    end: 'complete',
    owners: { issuance: 'team-iam', policy: 'team-research' },
  });
});

test('every field of every record is documented, and every documented field occurs', async (t) => {
  const seen = new Set<string>();
  const see = (lines: readonly object[]) => {
    for (const { facts, ...rest } of lines.map((line) => ({ facts: undefined, ...line }))) {
      for (const field of fieldsOf(rest)) seen.add(field);
      if (facts !== undefined) seen.add('facts');
    }
  };
  for (const subject of ['pseudonymous', 'raw'] as const) {
    const world = await telemetryWorld(t, { audit: { subject, ocsf: true } });
    const { observe } = world.telemetry;
    carryOut(observe, {
      jti: 'j1',
      facts: { tool: 'x' },
      credential: {
        verification: { mode: 'record', findings: ['f'] },
        boundTo: 'thumbprint',
        via: [credentialFacts()],
      },
    });
    refusedExchange(observe);
    const denied = stripped(observe(arrival()));
    const asUser = { ...known(denied), caller: known(denied).subject };
    const acting = [{ iss: asUser.caller.iss, sub: asUser.caller.sub, claims: {} }];
    const reached = { ...asUser, chain: { ...asUser.chain, actors: acting } };
    denied.observation.refused(reached, new Refusal('actor_not_bound', { detail: 'd' }));
    world.telemetry.event('postern.config.changed', { digest: 'd' });
    world.audit.fail(new Error('full'));
    world.telemetry.event('postern.config.changed', {});
    world.audit.fail(undefined);
    world.telemetry.event('postern.config.changed', {});
    see(world.audit.all.map((line) => JSON.parse(line)));
  }
  const file = auditFile(t);
  await openTrail({ file, key: ed25519.key }).close();
  appendFileSync(file, 'torn');
  await openTrail({ file, key: ed25519.key }).close();
  see(linesOf(file));
  t.strictSame([...seen].sort(), Object.keys(auditFields).sort());
});

test('a round trip to an issuer, in full: what was asked, what came of it, in the span of the exchange', async (t) => {
  const world = await telemetryWorld(t);
  const { call } = carryOut(world.telemetry.observe, { jti: 'j1' });
  const [record] = world.audit.named('postern.token.exchanged');
  const exchange = await world.span('token_exchange');
  t.match(record, {
    request_id: call.id,
    trace_id: exchange.traceId,
    span_id: exchange.spanId,
    root_id: 'root-1',
    delegation_id: 'issued-id-hash',
    parent_id: /^[0-9a-f]{16}$/,
    route: 'openai',
    rule: 'research-small-models',
    policy_version: 'pv-1',
    subject: { kind: 'user', id: /^user:u_/ },
    actors: [{ sub: planner }],
    exchange: {
      name: 'corp',
      grant: 'token_exchange',
      issuer: 'idp.example.com:443',
      audience: 'https://api.openai.com',
      scopes: ['model.invoke', 'model.read'],
      outcome: 'success',
    },
    credential: { kind: 'exchanged', lifetime_s: 300, id_hash: 'issued-id-hash' },
    owners: { issuance: 'team-iam' },
  });
  t.notOk('decision' in (record ?? {}));
});

test('a credential of the gate itself is issued, one that an issuer denies or cannot give is told as that', async (t) => {
  const world = await telemetryWorld(t);
  const { observe } = world.telemetry;
  carryOut(observe, { credential: { kind: 'client_credentials' } });
  refusedExchange(observe);
  refusedExchange(observe, new Refusal('issuer_timeout'), undefined);
  t.equal(world.audit.named('postern.token.issued').length, 1);
  t.match(world.audit.named('postern.token.exchange_denied'), [
    {
      reason: 'exchange_denied',
      detail: 'not this one',
      exchange: { outcome: 'denied', oauth_error: 'invalid_target' },
    },
  ]);
  t.match(world.audit.named('postern.token.exchange_failed'), [
    { reason: 'issuer_timeout', exchange: { outcome: 'error' } },
  ]);
});

function refusedExchange(
  observe: (call: Arrival) => ObservedCall,
  refusal = new Refusal('exchange_denied', { detail: 'not this one' }),
  oauthError: string | undefined = 'invalid_target',
): void {
  const call = permittedCall(observe, { jti: 'j2' });
  const exchange = call.observation.exchangeStarted(call, {
    exchange: 'corp',
    grant: 'token_exchange',
    endpoint: 'https://idp.example.com/token',
    audience: 'api',
    scopes: ['read'],
  });
  exchange.failed(refusal, oauthError);
  call.observation.refused(call, refusal);
}

test('OCSF hints, where they are wanted', async (t) => {
  const world = await telemetryWorld(t, { audit: { ocsf: true } });
  const { observe } = world.telemetry;
  carryOut(observe, { jti: 'j1', method: 'GET' });
  refusedExchange(observe);
  world.telemetry.event('postern.config.changed', {});
  const [allowed, denied, config] = world.audit.records();
  const [exchanged] = world.audit.named('postern.token.exchanged');
  t.match(allowed?.['ocsf'], { class_uid: 6003, activity_id: 2, type_uid: 600302, severity_id: 1, status_id: 1 });
  t.match(denied?.['ocsf'], { class_uid: 6003, activity_id: 99, type_uid: 600399, severity_id: 3, status_id: 2 });
  t.match(exchanged?.['ocsf'], {
    category_uid: 3,
    class_uid: 3003,
    type_uid: 300301,
    delegation: { uid: 'issued-id-hash', parent_uid: /^[0-9a-f]{16}$/, issuer_uid: 'https://idp.example.com' },
  });
  t.match(config?.['ocsf'], { class_uid: 3004, type_uid: 300403 });
  t.notOk('ocsf' in (world.audit.named('postern.audit.segment')[0] ?? {}));
});

test('a refusal: what was established before it, the specific reason, the public code', async (t) => {
  const world = await telemetryWorld(t);
  const call = stripped(world.telemetry.observe(arrival()));
  call.observation.refused(call, new Refusal('token_expired', { detail: 'exp 10 s ago' }));
  const [record] = world.audit.records();
  t.match(record, {
    event: 'postern.access.denied',
    decision: 'deny',
    reason: 'token_expired',
    detail: 'exp 10 s ago',
    code: 'credential_expired',
    status: 401,
    stripped: ['header:authorization', 'query:key'],
  });
  for (const absent of ['caller', 'subject', 'route', 'rule', 'credential', 'root_id']) {
    t.notOk(absent in (record ?? {}), `${absent} is not known`);
  }
});

test('users appear as configured, workloads always by name', async (t) => {
  const subjects = new Map<string, unknown>();
  for (const subject of ['pseudonymous', 'raw', 'omit'] as const) {
    const world = await telemetryWorld(t, { audit: { subject } });
    carryOut(world.telemetry.observe);
    carryOut(world.telemetry.observe, { actors: [], subject: workload(planner) });
    const [byUser, byItself] = world.audit.records();
    subjects.set(subject, byUser?.['subject']);
    t.match(byItself?.['subject'], { kind: 'workload', sub: planner }, subject);
  }
  t.match(subjects.get('pseudonymous'), { kind: 'user', id: /^user:u_[\w-]{22}$/ });
  t.strictSame(subjects.get('raw'), { kind: 'user', iss: 'https://idp.example.com', sub: canaries.userEmail });
  t.strictSame(subjects.get('omit'), { kind: 'user' });
});

test('text from outside is bounded and stays on its line', async (t) => {
  const world = await telemetryWorld(t);
  const call = armedCall(world.telemetry.observe, {
    target: `/${'p'.repeat(9_000)}`,
    actors: ['a'.repeat(9_000), ...Array.from({ length: 40 }, (_, n) => `actor-${n}`)],
    facts: { model: `m\n{"event":"forged"}${'m'.repeat(9_000)}`, tool: '\u202etool' },
    credential: { scopesGranted: Array.from({ length: 500 }, (_, n) => `scope-${n}`) },
  });
  call.observation.replied(reply(call, { upstreamRequestId: 'r'.repeat(9_000) }));
  const [line = ''] = world.audit.lines;
  t.ok(line.length < 12_000, `${line.length} characters`);
  t.notMatch(line, '\n');
  t.notMatch(line, '\u202e');
  t.equal(world.audit.records().length, 1);
});

test('an event that belongs to no call', async (t) => {
  const world = await telemetryWorld(t);
  world.telemetry.event('postern.config.changed', { digest: 'abc', by: new Secret('canary-in-event') });
  world.telemetry.event('postern.config.changed', { large: 'x'.repeat(100_000) });
  const [first, second] = world.audit.records();
  t.match(first, { time: '2026-11-21T12:00:00.000Z', event: 'postern.config.changed', facts: { digest: 'abc' } });
  t.notMatch(world.audit.lines[0], 'canary-in-event');
  t.ok(JSON.stringify(second).length < 20_000);
});

test('an audit log that takes nothing is counted and told once, calls go on, and the loss is told when it takes again', async (t) => {
  const world = await telemetryWorld(t);
  const { observe } = world.telemetry;
  world.audit.fail(new Error('disk gone'));
  t.doesNotThrow(() => carryOut(observe, { cache: 'hit' }));
  t.doesNotThrow(() => carryOut(observe, { cache: 'hit' }));
  t.match(
    await world.telemetry.prometheus(),
    'postern_audit_records_total{event="postern.access.allowed",outcome="failed"} 2',
  );
  t.equal(world.log.lines.filter((line) => line.level === 'error').length, 1);

  world.audit.fail(undefined);
  carryOut(observe, { cache: 'hit' });
  t.match(world.audit.named('postern.audit.lost'), [{ lost: { count: 2, since: '2026-11-21T12:00:00.000Z' } }]);
  t.equal(world.audit.records().length, 1);
});
