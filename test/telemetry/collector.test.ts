// The demo's collector: what it takes, what it refuses, and waiting for it without polling.

import { gzipSync } from 'node:zlib';
import { test } from 'tap';
import { startCollector } from '../../demo/collector.ts';
import { rejection } from '../support/rejection.ts';
import { carryOut } from '../support/telemetry-calls.ts';
import { telemetryWorld } from '../support/telemetry-world.ts';

test('waits for what is to come, and is told when it comes', async (t) => {
  const world = await telemetryWorld(t);
  const found = world.collector.waitFor(({ spans }) => spans().find((span) => span.name === 'token_exchange'));
  carryOut(world.telemetry.observe);
  await world.telemetry.flush();
  t.equal((await found).kind, 'client');
  t.equal(await world.collector.waitFor(({ spans }) => spans().length > 0), true, 'what is there is found at once');
});

test('refuses what is no OTLP', async (t) => {
  const collector = await startCollector();
  t.teardown(collector.close);
  const post = (path: string, body: Uint8Array<ArrayBuffer>, headers = {}) =>
    fetch(`${collector.url}${path}`, { method: 'POST', body, headers }).then(({ status }) => status);
  t.equal(await post('/v1/traces', new Uint8Array([255, 255, 255, 255])), 400);
  t.equal(await post('/v1/profiles', new Uint8Array()), 404);
  t.equal(await post('/v1/traces', new Uint8Array([1, 2, 3]), { 'content-encoding': 'gzip' }), 400);
  t.equal(await post('/v1/traces', new Uint8Array(gzipSync(new Uint8Array())), { 'content-encoding': 'gzip' }), 200);
  t.strictSame(collector.spans(), []);
});

test('who still waits when it closes is told', async (t) => {
  const collector = await startCollector();
  const waiting = rejection(collector.waitFor(() => false));
  await collector.close();
  t.match((await waiting).message, 'closed');
});
