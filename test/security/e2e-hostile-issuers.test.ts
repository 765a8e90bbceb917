// Attack: a token endpoint, or whoever answers in its place, sends what is no token: too much, too slow, half, HTML, a
// redirect that would carry the client's secret elsewhere, tokens of another kind. No call is forwarded on such an answer,
// the agent is told to come back, and the next call is served once the issuer is itself again.

import { type Test, test } from 'tap';
import { answering, type TokenScript } from '../support/e2e-issuer.ts';
import { calls, type Document, standardConfig, startE2e, told, type World } from '../support/e2e-world.ts';
import { clockAt, start as startTime } from '../support/sts-issuer.ts';

interface Patient {
  readonly world: World;
  /** Makes the issuer well again and lets the memory of its failure pass. */
  recover(): void;
}

async function start(t: Test): Promise<Patient> {
  const clock = clockAt(startTime);
  const world = await startE2e(t, {
    clock,
    config: (places) => {
      const { corp } = Object(standardConfig(places)['exchanges']);
      return { exchanges: { corp: { ...corp, timeout: '200ms' } } satisfies Document };
    },
  });
  return {
    world,
    recover() {
      world.issuer.answerWith();
      clock.advance(10);
    },
  };
}

const text =
  (status: number, type: string, body: string, headers: Record<string, string> = {}): TokenScript =>
  (response) => {
    response.writeHead(status, { 'content-type': type, ...headers });
    response.end(body);
  };

const bearer = (more: object) => answering(200, { access_token: 'opaque-token', token_type: 'Bearer', ...more });

const answers: Record<string, [TokenScript, number, string, string]> = {
  'an HTML page': [
    text(200, 'text/html', '<html>Sign in</html>'),
    503,
    'credential_unavailable',
    'issuer_answer_malformed',
  ],
  'an HTML error': [text(502, 'text/html', '<h1>Bad gateway</h1>'), 503, 'credential_unavailable', 'issuer_failed'],
  'nothing, with 200': [text(200, 'application/json', ''), 503, 'credential_unavailable', 'issuer_answer_malformed'],
  'nothing, with 204': [text(204, 'application/json', ''), 503, 'credential_unavailable', 'issuer_failed'],
  'half a document': [
    text(200, 'application/json', '{"access_token":"a'),
    503,
    'credential_unavailable',
    'issuer_answer_malformed',
  ],
  'a list': [text(200, 'application/json', '[]'), 503, 'credential_unavailable', 'issuer_answer_malformed'],
  'more than is read': [
    text(200, 'application/json', `{"access_token":"a","x":"${'x'.repeat(2_000_000)}"}`),
    503,
    'credential_unavailable',
    'issuer_answer_oversize',
  ],
  'a body that ends early': [
    (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"access_token":"a', () => response.destroy());
    },
    503,
    'credential_unavailable',
    'issuer_unreachable',
  ],
  silence: [() => {}, 503, 'credential_unavailable', 'issuer_timeout'],
  'a head, then silence': [
    (response) => response.writeHead(200).flushHeaders(),
    503,
    'credential_unavailable',
    'issuer_timeout',
  ],
  'a broken connection': [(response) => response.destroy(), 503, 'credential_unavailable', 'issuer_unreachable'],
  'a redirect': [
    text(307, 'text/plain', '', { location: 'http://127.0.0.1:9/steal' }),
    503,
    'credential_unavailable',
    'issuer_failed',
  ],
  'a token with a line break': [
    bearer({ access_token: 'a\r\nx-admin: yes' }),
    503,
    'credential_unavailable',
    'issuer_answer_malformed',
  ],
  'a token too long for any header': [
    bearer({ access_token: 'a'.repeat(20_000) }),
    503,
    'credential_unavailable',
    'issuer_answer_malformed',
  ],
  'a token that is none': [bearer({ access_token: 5 }), 503, 'credential_unavailable', 'issuer_answer_malformed'],
  'a life that is none': [bearer({ expires_in: -1 }), 503, 'credential_unavailable', 'issuer_answer_malformed'],
  'a refresh token': [
    bearer({ issued_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }),
    502,
    'credential_unverified',
    'issued_token_type_refused',
  ],
  'a token bound to a key we have not': [
    bearer({ token_type: 'DPoP' }),
    502,
    'credential_unverified',
    'issued_token_type_refused',
  ],
  'a token nobody can read': [bearer({}), 502, 'credential_unverified', 'issued_token_unreadable'],
  'too many requests': [
    answering(429, { error: 'slow_down' }, { 'retry-after': '17' }),
    503,
    'credential_unavailable',
    'issuer_failed',
  ],
};

test('answers that are no token', async (t) => {
  const { world, recover } = await start(t);
  for (const [name, [script, status, code]] of Object.entries(answers)) {
    world.issuer.answerWith(script);
    const answer = await world.call('/api');
    t.strictSame(told(answer), [status, code], name);
    if (status === 503) t.match(answer.headers.get('retry-after'), name === 'too many requests' ? '17' : /^[1-9]\d*$/);
    t.strictSame(world.upstream.received, [], 'nothing was forwarded');
    recover();
  }
  t.equal((await world.call('/api')).status, 200, 'the next call is served');
  const reasons = calls((await world.end()).records).map((record) => record['reason']);
  t.strictSame(
    reasons.slice(0, -1),
    Object.values(answers).map(([, , , reason]) => reason),
  );
});

const issued: Record<string, [(world: World) => object, string]> = {
  'for another audience': [() => ({ audience: 'elsewhere' }), 'issued_audience_mismatch'],
  'for another user': [() => ({ sub: 'user:root' }), 'issued_subject_changed'],
  'with another actor': [({ issuer }) => ({ act: { sub: 'agent:other', iss: issuer.issuer } }), 'issued_actor_missing'],
  'with a longer chain': [
    ({ issuer: { issuer } }) => ({ act: { sub: 'agent:planner', iss: issuer, act: { sub: 'agent:x', iss: issuer } } }),
    'issued_chain_changed',
  ],
  'with more scope': [() => ({ scope: 'read write' }), 'issued_scope_widened'],
  'for longer than allowed': [() => ({ ttl: 86_400 }), 'issued_lifetime_too_long'],
  'that is over': [() => ({ ttl: -10 }), 'issued_token_expired'],
};

test('tokens that are not what was asked for', async (t) => {
  const { world, recover } = await start(t);
  for (const [name, [changes]] of Object.entries(issued)) {
    const token = await world.issuer.mint({
      sub: 'user:alice',
      audience: 'api',
      scope: 'read',
      act: { sub: 'agent:planner', iss: world.issuer.issuer },
      ...changes(world),
    });
    world.issuer.answerWith(answering(200, { access_token: token, token_type: 'Bearer' }));
    t.strictSame(told(await world.call('/api')), [502, 'credential_unverified'], name);
    recover();
  }
  t.strictSame(world.upstream.received, []);
  const reasons = calls((await world.end()).records).map((record) => record['reason']);
  t.strictSame(
    reasons,
    Object.values(issued).map(([, reason]) => reason),
  );
});

test('keys that are none: no token is believed, and the gate says it is not ready', async (t) => {
  for (const document of [{}, { keys: 'all' }, { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }]) {
    const world = await startE2e(t, {
      config: (places) => {
        places.upstream.answerWith((response) => response.end(JSON.stringify(document)));
        const [corp] = [standardConfig(places)['trust']].flat();
        return { trust: [{ ...Object(corp), jwks_uri: `${places.upstream.url}/keys` }] };
      },
    });
    const answer = await world.call('/api');
    t.ok([401, 503].includes(answer.status));
    t.equal(world.upstream.received.filter(({ url }) => url !== '/keys').length, 0);
  }
});
