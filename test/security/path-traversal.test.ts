// Path confusion: a target that the gate reads as one path and the upstream as another. It would match a harmless route and
// reach an admin endpoint, or match no blocked path and reach the token endpoint. The classics: dot segments in every
// encoding, encoded and double-encoded delimiters, backslashes (WHATWG parsers, IIS), path parameters (Tomcat "/..;/"),
// overlong UTF-8 (old decoders), compatibility characters (servers that normalise), empty segments, control characters.

import { connect } from 'node:net';
import { test } from 'tap';
import { canonicalTarget } from '../../src/routing/target.ts';
import { reasonOf, refusedFor, startGate } from '../support/routing-world.ts';

const escapes = [
  '/../admin',
  '/a/../../admin',
  '/./a',
  '/a/.',
  '/a/..',
  '/%2e%2e/admin',
  '/%2E./admin',
  '/.%2e/admin',
  '/%2e/a',
  '/a/%2e%2E',
  '/%252e%252e/admin',
  '/%25%32%65%25%32%65/admin',
  '/%25252e%25252e/admin',
  '/a%2fb',
  '/a%2F..%2Fadmin',
  '/a%252fb',
  '/a%25%32%66b',
  '/..%5cadmin',
  '/a%5Cb',
  '/a%255cb',
  '/a\\..\\admin',
  '/\\evil.example/a',
  '/%20../admin',
  '/..%20/admin',
  '/..%e3%80%80/admin',
  '/%ef%bc%8e%ef%bc%8e/admin', // ．．
  '/%e2%80%a5/admin', // ‥
  '/a%ef%bc%8fb', // ／
  '/a%ef%bc%bcb', // ＼
  '/a%ef%bc%852fb', // ％2f
  '/a%ef%bc%85%ef%bc%92%ef%bd%86b', // ％２ｆ
];

const malformed = [
  '',
  'a',
  '*',
  '//',
  '//evil.example/a',
  '/a//b',
  '/a;x=1/b',
  '/..;/admin',
  '/a;jsessionid=1',
  '/a%3bx',
  '/a%3fx=1',
  '/a%23x',
  '/a#x',
  '/a?x#y',
  '/%00',
  '/a%00.json',
  '/a%0a',
  '/a%0d%0aHost:%20evil',
  '/a%7f',
  '/a%c2%85', // C1 NEL
  '/%c0%ae%c0%ae/admin',
  '/%e0%80%af',
  '/%c0%af',
  '/%f0%80%80%af',
  '/%ed%a0%80',
  '/%ff',
  '/%',
  '/%2',
  '/%zz',
  '/%u002e%u002e/admin',
  '/a b',
  '/a\tb',
  '/a\u0000b',
  '/é',
  '/．．/admin',
  '/{a}',
  '/a|b',
  '/a"b',
  '/<a>',
  '/a?b c',
  '/a?\u00e9',
  '/a?\r\nx: y',
];

test('targets that try to leave their place are refused', (t) => {
  for (const target of escapes)
    t.equal(
      reasonOf(() => canonicalTarget(target)),
      'target_escapes_route',
      target,
    );
  t.end();
});

test('targets that are not plain are refused', (t) => {
  for (const target of malformed)
    t.equal(
      reasonOf(() => canonicalTarget(target)),
      'target_malformed',
      target,
    );
  t.end();
});

test('none of them gets through the gate, on any route', async (t) => {
  const gate = await startGate(t, [
    { preset: 'http', path: '/', upstream: 'https://tickets.example/api' },
    { preset: 'openai' },
  ]);
  const sendable = /^[\x21-\x7e]+$/;
  const hostile = [...escapes, ...malformed].filter((target) => target.startsWith('/') && sendable.test(target));
  t.ok(hostile.length > 55);
  for (const target of hostile) {
    t.match(refusedFor(await gate.ask({ path: target })), /^target_/, target);
    t.match(refusedFor(await gate.ask({ path: `/openai/v1${target}` })), /^target_/, `/openai/v1${target}`);
  }
});

test('what a client of ours could not even send is refused as well', async (t) => {
  const gate = await startGate(t, [{ preset: 'http', path: '/', upstream: 'https://tickets.example' }]);
  for (const target of ['http://gate.example/a/../b', 'http://gate.example//a', '/a/%2e%2e/b']) {
    const outcome = gate.next();
    const socket = connect(gate.port, '127.0.0.1');
    socket.write(`GET ${target} HTTP/1.1\r\nHost: gate.example\r\nConnection: close\r\n\r\n`);
    t.match(refusedFor(await outcome), /^target_/, target);
    socket.destroy();
  }
});

test('blocked paths stay blocked however they are spelt, also where the upstream holds their beginning', async (t) => {
  const gate = await startGate(t, [
    { preset: 'anthropic' },
    { preset: 'anthropic', name: 'based', path: '/based', upstream: 'https://api.anthropic.com/v1' },
  ]);
  const spellings = [
    '/anthropic/v1/oauth/token',
    '/anthropic/v1/oauth/token/',
    '/anthropic/v1/oauth/token?beta=true',
    '/anthropic/V1/OAUTH/Token',
    '/anthropic/v1/%6fauth/token',
    '/anthropic/v1/oauth/%74%6f%6b%65%6e',
    '/%61nthropic/v1/oauth/token',
    '/based/oauth/token',
  ];
  for (const path of spellings) {
    t.equal(refusedFor(await gate.ask({ method: 'POST', path, body: '{}' })), 'token_endpoint_blocked', path);
  }
});
