// Agents that propagate no trace: a token this gate obtained for one hop comes back with the next, and joins them.

import { createHash } from 'node:crypto';
import { test } from 'tap';
import { createLedger } from '../../src/telemetry/correlation.ts';
import { armedCall, arrivedAt, carryOut, credentialFacts } from '../support/telemetry-calls.ts';
import { telemetryWorld } from '../support/telemetry-world.ts';

const jti = 'token-42';
const idHash = createHash('sha256').update(jti).digest('hex').slice(0, 16);
const firstHop = { credential: { idHash }, rootId: 'root-of-first-hop', route: { pattern: '/first' } };
const secondHop = { jti, route: { pattern: '/second' }, rootId: 'minted-anew', cache: 'bypass' } as const;

test('the next hop gets its own trace, linked to the exchange, under the same root', async (t) => {
  const world = await telemetryWorld(t);
  carryOut(world.telemetry.observe, firstHop);
  carryOut(world.telemetry.observe, secondHop);

  const exchange = await world.span('token_exchange');
  const second = await world.span('POST /second');
  t.not(second.traceId, exchange.traceId);
  t.match(second.links, [
    { traceId: exchange.traceId, spanId: exchange.spanId, attributes: { 'postern.link.type': 'token_issued' } },
  ]);
  t.equal(second.attributes['postern.delegation.root_id'], 'root-of-first-hop');
  t.equal(second.attributes['postern.trace.parent_source'], 'none');
  t.equal(second.attributes['postern.delegation.parent_id'], exchange.attributes['postern.delegation.id']);
  t.equal(world.audit.records()[1]?.['root_id'], 'root-of-first-hop');
});

test('adopt: parent continues the trace of the exchange', async (t) => {
  const world = await telemetryWorld(t, { telemetry: { correlation: { adopt: 'parent' } } });
  carryOut(world.telemetry.observe, firstHop);
  const { call, attemptTraceparent } = carryOut(world.telemetry.observe, secondHop);

  const exchange = await world.span('token_exchange');
  const second = await world.span('POST /second');
  t.equal(second.traceId, exchange.traceId);
  t.equal(second.parentSpanId, exchange.spanId);
  t.equal(second.attributes['postern.trace.parent_source'], 'token');
  t.equal(call.observation.span.traceId, exchange.traceId);
  t.match(attemptTraceparent, `00-${exchange.traceId}-`);
  t.equal(world.audit.records()[1]?.['trace_id'], exchange.traceId);
});

test("a caller's own trace comes before the ledger; a different one is linked, the same is not", async (t) => {
  const world = await telemetryWorld(t, { telemetry: { correlation: { adopt: 'parent' } } });
  const { call } = carryOut(world.telemetry.observe, firstHop);
  const other = 'c'.repeat(32);
  const rawHeaders = (traceId: string) => ['traceparent', `00-${traceId}-${'d'.repeat(16)}-01`];
  carryOut(world.telemetry.observe, { ...secondHop, rawHeaders: rawHeaders(other) });
  carryOut(world.telemetry.observe, {
    ...secondHop,
    route: { pattern: '/third' },
    rawHeaders: rawHeaders(call.observation.span.traceId),
  });

  const second = await world.span('POST /second');
  t.equal(second.traceId, other);
  t.equal(second.links.length, 1);
  t.strictSame((await world.span('POST /third')).links, []);
});

test('adopt: none, and tokens that have expired, join nothing', async (t) => {
  const none = await telemetryWorld(t, { telemetry: { correlation: { adopt: 'none' } } });
  carryOut(none.telemetry.observe, firstHop);
  carryOut(none.telemetry.observe, secondHop);
  t.strictSame((await none.span('POST /second')).links, []);
  t.equal((await none.span('POST /second')).attributes['postern.delegation.root_id'], 'minted-anew');

  const late = await telemetryWorld(t);
  carryOut(late.telemetry.observe, firstHop);
  late.pass(300_000);
  carryOut(late.telemetry.observe, secondHop);
  t.strictSame((await late.span('POST /second')).links, []);
});

test("a transaction's own id is its root", async (t) => {
  const world = await telemetryWorld(t);
  carryOut(world.telemetry.observe, firstHop);
  carryOut(world.telemetry.observe, { ...secondHop, txn: 'txn-1', rootId: 'txn-1' });
  t.equal((await world.span('POST /second')).attributes['postern.delegation.root_id'], 'txn-1');
});

test('a token without an id, or that never expires, is not remembered', async (t) => {
  const ledger = createLedger({ clock: { now: () => arrivedAt }, hashTokenId: (id) => id });
  const span = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
  ledger.issued(credentialFacts({ credential: { idHash: undefined } }), span, 'r');
  ledger.issued(credentialFacts({ credential: { idHash: 'x', expiresAt: undefined } }), span, 'r');
  const world = await telemetryWorld(t);
  t.equal(ledger.find(armedCall(world.telemetry.observe, { jti: 'x' })), undefined);
  t.equal(ledger.find(armedCall(world.telemetry.observe)), undefined);
});

test('what was issued in one thread is known in another, for as long as it lives', async (t) => {
  const world = await telemetryWorld(t);
  const ofCall = armedCall(world.telemetry.observe, { jti: 'x' });
  const facts = credentialFacts({ credential: { idHash: 'x' } });
  let now = arrivedAt;
  const parts = { clock: { now: () => now }, hashTokenId: (id: string) => id };
  const other = createLedger(parts);
  const ledger = createLedger({ ...parts, tell: (token) => other.learn(structuredClone(token)) });
  const span = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
  ledger.issued(facts, span, 'r');
  t.match(other.find(ofCall), { span, rootId: 'r' });
  now = (facts.expiresAt ?? 0) * 1_000;
  t.equal(other.find(ofCall), undefined);
});

test('a token that was looked for in vain is found once it has been issued', async (t) => {
  const ledger = createLedger({ clock: { now: () => arrivedAt }, hashTokenId: (id) => `hash of ${id}` });
  const world = await telemetryWorld(t);
  const call = armedCall(world.telemetry.observe, { jti });
  const span = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
  const expiresAt = arrivedAt / 1_000 + 60;
  t.equal(ledger.find(call), undefined);
  t.equal(ledger.find(call), undefined);
  ledger.learn({ idHash: 'hash of another', span, rootId: 'other', expiresAt });
  t.equal(ledger.find(call), undefined);
  ledger.issued(credentialFacts({ credential: { idHash: `hash of ${jti}`, expiresAt } }), span, 'root');
  t.match(ledger.find(call), { rootId: 'root', span });
});
