import { test } from 'tap';
import { z } from 'zod';
import { routeRoutingShape } from '../../src/routing/schema.ts';

const schema = z.strictObject(routeRoutingShape);
const accepts = (route: object): boolean => schema.safeParse(route).success;

test('everything has a default', (t) => {
  t.strictSame(schema.parse({}), {
    insecure_plain_http: false,
    headers: { forward: [], set: {} },
    inspection_limit: 1_048_576,
    http2: false,
    timeouts: { idle: 300_000, connect: 10_000 },
    max_connections: 256,
    response_guard: 'on',
  });
  t.end();
});

test('paths are mounted in one form only', (t) => {
  for (const path of ['/', '/a', '/a/b', '/a.b/_c~', '/...', '/.well-known/x']) t.ok(accepts({ path }), path);
  for (const path of [
    '',
    'a',
    '/a/',
    '//',
    '/a//b',
    '/..',
    '/a/../b',
    '/a/.',
    '/a b',
    '/a%20b',
    '/a?x',
    '/a;b',
    '/é',
  ]) {
    t.notOk(accepts({ path }), path);
  }
  t.end();
});

test('requests to S3, which signs in a way of its own, are not signed wrong but not at all', (t) => {
  const signed = (service: string): object => ({ placement: { sigv4: { service } } });
  for (const service of ['bedrock', 's3tables', 'execute-api']) t.ok(accepts(signed(service)), service);
  for (const service of ['s3', 's3-object-lambda', 's3-outposts']) t.notOk(accepts(signed(service)), service);
  t.end();
});

test('hosts are names in lower case', (t) => {
  for (const host of ['api.example.com', 'localhost', 'a-b.example:8443']) t.ok(accepts({ host }), host);
  for (const host of ['API.example.com', 'a..b', 'https://a', 'a/b', '-a', 'a:0', 'a_b', 'a@b'])
    t.notOk(accepts({ host }), host);
  t.end();
});

test('headers of the gate and of the connection cannot be forwarded or set', (t) => {
  for (const rule of ['accept', 'x-team', 'x-stainless-*', 'mcp-*', 'anthropic-beta']) {
    t.ok(accepts({ headers: { forward: [rule] } }), rule);
  }
  const never = [
    ...[
      'authorization',
      'cookie',
      'host',
      'connection',
      'content-length',
      'te',
      'traceparent',
      'forwarded',
      'x-api-key',
    ],
    ...[
      'proxy-anything',
      'x-forwarded-for',
      'postern-subject-token',
      'sec-websocket-protocol',
      'x-http-method-override',
    ],
    ...[
      'proxy-*',
      'x-*',
      'x-forwarded-*',
      'api-*',
      'content-*',
      'sec-*',
      'postern-*',
      'sec-websocket-key-*',
      'cookie-*x',
    ],
    ...['*', '-*', 'Accept', 'a_b', 'a b', 'a*', ''],
  ];
  for (const rule of never) t.notOk(accepts({ headers: { forward: [rule] } }), rule);
  t.notOk(accepts({ headers: { set: { authorization: 'Bearer x' } } }));
  t.notOk(accepts({ headers: { set: { 'x-team': 'a\r\nx: y' } } }));
  t.notOk(accepts({ headers: { set: { 'x-team': '' } } }));
  t.ok(accepts({ headers: { set: { 'openai-organization': 'org-1' } } }));
  t.end();
});

test('a credential has one place', (t) => {
  const places = [
    'bearer',
    'none',
    { header: 'api-key' },
    { header: 'authorization', prefix: 'Token ' },
    { query: 'key' },
  ];
  for (const placement of places) t.ok(accepts({ placement }), JSON.stringify(placement));
  const wrong = [
    'basic',
    {},
    { header: 'A B' },
    { header: 'a', query: 'b' },
    { query: 'a b' },
    { header: 'a', prefix: '\n' },
  ];
  for (const placement of wrong) t.notOk(accepts({ placement }), JSON.stringify(placement));
  t.end();
});

test('limits are limits', (t) => {
  t.notOk(accepts({ max_connections: 0 }));
  t.notOk(accepts({ max_connections: 1.5 }));
  t.notOk(accepts({ inspection_limit: '1MB' }));
  t.notOk(accepts({ timeouts: { idle: 5 } }));
  t.notOk(accepts({ timeouts: { total: '1s' } }), 'there is no total limit');
  t.notOk(accepts({ response_guard: 'maybe' }));
  t.end();
});
