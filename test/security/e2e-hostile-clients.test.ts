// Attack: to break the gate, or to get past it, by what a client sends: messages no parser agrees on, paths that mean
// something else upstream, JSON that means two things, tokens made to confuse. Each is refused with its own status and code,
// nothing reaches issuer or upstream, and the gate serves the next call as if nothing had been.

import { connect } from 'node:net';
import { type Test, test } from 'tap';
import { apiRoute, calls, startE2e, type World } from '../support/e2e-world.ts';

/** One call that must go well; the connection and the gate have to be as good as new. */
async function serves(t: Test, world: World): Promise<void> {
  const answer = await world.call('/api');
  t.equal(answer.status, 200, 'the next call is served');
  await answer.text();
}

/** Raw bytes on a connection of their own; what came back until the gate closed it. */
function raw(world: World, bytes: string): Promise<string> {
  const { hostname, port } = new URL(world.gate);
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes, 'latin1'));
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      received += chunk;
    });
    socket.on('close', () => resolve(received));
    // A gate that has heard enough resets what was still on its way.
    socket.on('error', () => {});
  });
}

const malformed: Record<string, [string, number]> = {
  'no HTTP at all': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  'HTTP/2 without TLS': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  'two framings': [
    'POST /api HTTP/1.1\r\nHost: g\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  'a chunk that lies': ['POST /api HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
  'no host': ['GET /api HTTP/1.1\r\n\r\n', 400],
  'two hosts': ['GET /api HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n', 400],
  'headers without end': [`GET /api HTTP/1.1\r\nHost: g\r\n${'X-A: b\r\n'.repeat(20_000)}\r\n`, 431],
  'a line without end': [`GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: g\r\n\r\n`, 431],
  'a method nobody knows': ['STEAL /api HTTP/1.1\r\nHost: g\r\n\r\n', 400],
  CONNECT: ['CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n', 405],
  'a NUL in a header': ['GET /api HTTP/1.1\r\nHost: g\r\nX-A: b\0c\r\n\r\n', 400],
};

test('messages that are none', async (t) => {
  const world = await startE2e(t);
  for (const [name, [bytes, status]] of Object.entries(malformed)) {
    const received = await raw(world, bytes);
    t.equal(Number(received.split(' ')[1]), status, name);
    t.match(received, /connection: close/i, `${name}: nothing after it is read`);
  }
  t.strictSame(world.upstream.received, []);
  await serves(t, world);
});

test('a client that stops in the middle of everything', async (t) => {
  const world = await startE2e(t);
  const headers = `authorization: Bearer ${await world.agent()}\r\npostern-subject-token: ${await world.user()}\r\n`;
  const { hostname, port } = new URL(world.gate);
  const parts = [
    'GET /api HT',
    'GET /api HTTP/1.1\r\nHost: g\r\nX-',
    `POST /api HTTP/1.1\r\nHost: g\r\n${headers}Content-Length: 1000\r\n\r\nhalf`,
    `POST /api HTTP/1.1\r\nHost: g\r\n${headers}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf`,
    `GET /api HTTP/1.1\r\nHost: g\r\n${headers}\r\n`,
  ];
  for (const part of parts) {
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write(part, 'latin1', () => socket.resetAndDestroy()),
      );
      socket.on('close', () => resolve());
      socket.on('error', () => {});
    });
  }
  await serves(t, world);
});

const paths: Record<string, [string, number, string]> = {
  'dot segments': ['/api/../admin', 400, 'target_escapes_route'],
  'encoded dot segments': ['/api/%2e%2e/admin', 400, 'target_escapes_route'],
  'twice encoded': ['/api/%252e%252e/admin', 400, 'target_escapes_route'],
  backslashes: ['/api/..\\admin', 400, 'target_malformed'],
  'an encoded slash': ['/api/..%2fadmin', 400, 'target_escapes_route'],
  'an encoded line break': ['/api/a%0d%0aHost:%20evil', 400, 'target_malformed'],
  'a NUL': ['/api/a%00b', 400, 'target_malformed'],
  'broken escapes': ['/api/%zz', 400, 'target_malformed'],
  'an overlong encoding': ['/api/%c0%ae%c0%ae/', 400, 'target_malformed'],
  'a path parameter': ['/api/a;v=1', 400, 'target_malformed'],
  'an authority in the path': ['//evil.example/api', 400, 'target_malformed'],
  'a longer name': ['/apix', 404, 'route_unmatched'],
  'another case': ['/API', 404, 'route_unmatched'],
  'an absolute target elsewhere': ['http://169.254.169.254/latest', 404, 'route_unmatched'],
  asterisk: ['*', 400, 'target_malformed'],
};

test('paths that mean something else elsewhere', async (t) => {
  const world = await startE2e(t);
  const identity = `authorization: Bearer ${await world.agent()}\r\npostern-subject-token: ${await world.user()}\r\n`;
  for (const [name, [target, status]] of Object.entries(paths)) {
    const method = target === '*' ? 'OPTIONS' : 'GET';
    const received = await raw(
      world,
      `${method} ${target} HTTP/1.1\r\nHost: gate\r\n${identity}Connection: close\r\n\r\n`,
    );
    t.equal(Number(received.split(' ')[1]), status, name);
  }
  t.strictSame(world.upstream.received, []);
  t.equal(world.issuer.asked.length, 0);
  await serves(t, world);
  const reasons = calls((await world.end()).records).map((record) => record['reason']);
  t.strictSame(
    reasons.slice(0, -1),
    Object.values(paths).map(([, , reason]) => reason),
  );
});

const deep = '['.repeat(5_000) + ']'.repeat(5_000);
const bodies: Record<string, [string, number, string]> = {
  'a field twice': ['{"model":"gpt-5-mini","model":"gpt-5-pro"}', 400, 'body_field_ambiguous'],
  'a field twice, one escaped': ['{"model":"gpt-5-mini","m\\u006fdel":"gpt-5-pro"}', 400, 'body_field_ambiguous'],
  'a field in another case': ['{"model":"gpt-5-mini","Model":"gpt-5-pro"}', 400, 'body_field_ambiguous'],
  'a field of another kind': ['{"model":["gpt-5-mini"]}', 400, 'body_malformed'],
  'no JSON': ['model=gpt-5-mini', 400, 'body_malformed'],
  'JSON that goes on': ['{"model":"gpt-5-mini"}{"model":"gpt-5-pro"}', 400, 'body_malformed'],
  'a byte order mark': ['\ufeff{"model":"gpt-5-mini"}', 400, 'body_malformed'],
  'an array': ['[{"model":"gpt-5-mini"}]', 400, 'body_malformed'],
  'nesting without end': [`{"model":"gpt-5-mini","x":${deep}}`, 400, 'body_malformed'],
  'a comment': ['{"model":"gpt-5-mini"/*,"model":"gpt-5-pro"*/}', 400, 'body_malformed'],
  'a key of prototypes': ['{"__proto__":{"model":"gpt-5-mini"}}', 403, 'policy_denied'],
  'no model': ['{}', 403, 'policy_denied'],
  'more than is inspected': [`{"x":"${'a'.repeat(70_000)}","model":"gpt-5-mini"}`, 413, 'body_over_inspection_limit'],
};

test('JSON that means two things', async (t) => {
  const world = await startE2e(t, {
    config: (places) => {
      const {
        path: _presets,
        name: _none,
        ...route
      } = apiRoute(places, {
        preset: 'openai',
        inspection_limit: '64KiB',
        scopes: ['model.invoke'],
        audience: 'https://api.openai.com',
        allow: [{ id: 'mini', when: 'request.model == "gpt-5-mini"' }],
      });
      return { routes: [apiRoute(places), route] };
    },
  });
  const headers = { 'content-type': 'application/json' };
  for (const [name, [body, status]] of Object.entries(bodies)) {
    const answer = await world.call('/openai/v1/chat/completions', { method: 'POST', body, headers });
    t.equal(answer.status, status, name);
    t.match(await answer.json(), { error: { message: String, type: String, code: String } });
  }
  t.strictSame(world.upstream.received, []);
  const good = '{"messages":[],"model":"gpt-5-mini"}';
  t.equal((await world.call('/openai/v1/chat/completions', { method: 'POST', body: good, headers })).status, 200);
  t.equal(world.upstream.received[0]?.body.toString(), good, 'and a good body passes byte for byte');
  await serves(t, world);
  const reasons = calls((await world.end()).records).map((record) => record['reason']);
  t.strictSame(
    reasons.slice(0, -2),
    Object.values(bodies).map(([, , reason]) => reason),
  );
});

test('tokens made to confuse', async (t) => {
  const world = await startE2e(t);
  const good = await world.agent();
  const [header = '', payload = '', signature = ''] = good.split('.');
  const encode = (value: object | string) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  const decoded = JSON.parse(Buffer.from(header, 'base64url').toString());
  const claims = Buffer.from(payload, 'base64url').toString();
  const forged = (changes: object) => `${encode({ ...decoded, ...changes })}.${payload}.${signature}`;
  const tokens: Record<string, [string, string]> = {
    'alg none': [`${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.`, 'token_algorithm_refused'],
    'alg NONE with a signature': [forged({ alg: 'NONE' }), 'token_algorithm_refused'],
    'a symmetric algorithm': [forged({ alg: 'HS256' }), 'token_algorithm_refused'],
    'a key it brought itself': [forged({ jwk: { kty: 'EC' } }), 'token_malformed'],
    'a key from a URL': [forged({ jku: 'http://169.254.169.254/' }), 'token_malformed'],
    'a key nobody published': [forged({ kid: '../../dev/null' }), 'token_key_unknown'],
    'critical extensions': [forged({ crit: ['exp'] }), 'token_malformed'],
    'another payload': [
      `${header}.${encode(claims.replace('planner', 'admin'))}.${signature}`,
      'token_signature_invalid',
    ],
    'a claim twice': [
      `${header}.${encode(claims.replace('{', '{"sub":"agent:admin",'))}.${signature}`,
      'token_malformed',
    ],
    'four parts': [`${good}.x`, 'token_malformed'],
    'an encrypted one': [`${header}.a.b.c.d`, 'token_malformed'],
    'padding and white space': [`${header}=.${payload}.${signature}`, 'token_malformed'],
    'for somebody else': [await world.agent('planner', { audience: 'other' }), 'token_audience_mismatch'],
    'for nobody': [await world.agent('planner', { audience: [] }), 'token_audience_mismatch'],
    'of the future': [await world.agent('planner', { claims: { nbf: 4_000_000_000 } }), 'token_not_yet_valid'],
    'without an end': [await world.agent('planner', { claims: { exp: 'never' } }), 'token_claims_invalid'],
    expired: [await world.agent('planner', { ttl: -60 }), 'token_expired'],
    'of the wrong kind': [await world.agent('planner', { typ: 'logout+jwt' }), 'token_type_refused'],
    'a subject that is no text': [await world.agent('planner', { claims: { sub: 5 } }), 'token_claims_invalid'],
    'a chain that is no chain': [
      await world.user('alice', 'agent:planner', { claims: { act: 'agent:admin' } }),
      'chain_malformed',
    ],
  };
  for (const [name, [token]] of Object.entries(tokens)) {
    const isUser = name.includes('chain');
    const answer = await world.call('/api', isUser ? { user: token } : { agent: token });
    t.ok([401, 403].includes(answer.status), `${name}: ${answer.status}`);
    t.notMatch(await answer.text(), token.slice(-20));
  }
  t.strictSame(world.upstream.received, []);
  t.equal(world.issuer.asked.length, 0);
  await serves(t, world);
  const reasons = calls((await world.end()).records).map((record) => record['reason']);
  t.strictSame(
    reasons.slice(0, -1),
    Object.values(tokens).map(([, reason]) => reason),
  );
});
