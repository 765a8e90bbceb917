// What a worker hands to the main thread to be printed or exported.

import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { createHandedLog } from '../../src/wiring/workers/handed-log.ts';
import { withOwnInstance } from '../../src/wiring/workers/instance.ts';
import type { Report } from '../../src/wiring/workers/messages.ts';

test('a log line is safe to print before it leaves its thread', (t) => {
  const reports: Report[] = [];
  const log = createHandedLog((report) => reports.push(structuredClone(report)));
  const token = 'eyJhbGciOiJub25lIn0.e30.c2lnbmF0dXJl';
  const circular: { self?: object } = {};
  circular.self = circular;
  log.warn({ key: new Secret('canary'), err: new Error(`rejected ${token}`), count: 3 }, 'told');
  t.match(reports, [{ kind: 'log', level: 'warn', facts: { key: /^\[secret sha256:/, count: 3 }, message: 'told' }]);
  t.notMatch(JSON.stringify(reports), /canary|c2lnbmF0dXJl/);
  log.error({ circular, run: () => {} }, 'cannot be copied');
  t.match(reports[1], { kind: 'log', level: 'error', message: 'cannot be copied' }, 'a line is not lost for its facts');
  t.end();
});

test('an instance the operator named is told apart by worker', (t) => {
  const attributes = 'deployment.environment=test, service.instance.id=gate-7,service.name=postern';
  t.strictSame(withOwnInstance({ OTEL_RESOURCE_ATTRIBUTES: attributes, HOME: '/' }, 2), {
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test, service.instance.id=gate-7-2,service.name=postern',
    HOME: '/',
  });
  t.strictSame(withOwnInstance({ HOME: '/' }, 2), { HOME: '/' });
  t.strictSame(withOwnInstance({ OTEL_RESOURCE_ATTRIBUTES: 'a=b' }, 2), { OTEL_RESOURCE_ATTRIBUTES: 'a=b' });
  t.end();
});
