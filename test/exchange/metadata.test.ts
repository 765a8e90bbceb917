// Where the token endpoint is: discovered once, believed for an hour, and only when the document speaks for this issuer.

import { test } from 'tap';
import { type Send, SendFailure, type SendResponse } from '../../src/base/ports.ts';
import { createMetadata } from '../../src/exchange/metadata.ts';
import { stoppedClock } from '../support/exchange-clock.ts';
import { corp, refusal, startWorld } from '../support/exchange-world.ts';

const issuer = 'https://idp.example.com/realms/agents';
const good = { issuer, token_endpoint: 'https://idp.example.com/token' };

function json(body: unknown, status = 200): SendResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) };
}

function world(answers: Record<string, SendResponse | SendFailure>, options: object = {}) {
  const asked: string[] = [];
  const clock = stoppedClock();
  const send: Send = async ({ url }) => {
    asked.push(new URL(url).pathname);
    const answer = answers[new URL(url).pathname] ?? json({}, 404);
    if (answer instanceof SendFailure) throw answer;
    return answer;
  };
  const locate = createMetadata({ issuer, timeout: 5_000, insecure_http: false, ...options }, { clock, send });
  return { locate, asked, clock, answers };
}

const oidc = '/realms/agents/.well-known/openid-configuration';
const oauth = '/.well-known/oauth-authorization-server/realms/agents';

test('OpenID discovery first, RFC 8414 where that is not published', async (t) => {
  const first = world({ [oidc]: json(good) });
  const absent = { introspectionEndpoint: undefined, mtlsAliases: undefined, dpopAlgorithms: undefined };
  t.strictSame(await first.locate(), { issuer, tokenEndpoint: good.token_endpoint, ...absent });
  t.strictSame(first.asked, [oidc]);

  const second = world({ [oauth]: json(good) });
  await second.locate();
  t.strictSame(second.asked, [oidc, oauth]);
});

test('the introspection endpoint comes along, unless tokens may not be sent there', async (t) => {
  const endpoint = 'https://idp.example.com/introspect';
  const located = (introspection_endpoint: string) =>
    world({ [oidc]: json({ ...good, introspection_endpoint }) }).locate();
  t.equal((await located(endpoint)).introspectionEndpoint, endpoint);
  t.equal((await located('http://idp.example.com/introspect')).introspectionEndpoint, undefined);
  t.equal((await located('nonsense')).introspectionEndpoint, undefined);
});

test('aliases for mutual TLS come along, each unless tokens may not be sent there; odd ones are none', async (t) => {
  const located = async (mtls_endpoint_aliases: unknown) => {
    const { mtlsAliases } = await world({ [oidc]: json({ ...good, mtls_endpoint_aliases }) }).locate();
    return mtlsAliases;
  };
  const token_endpoint = 'https://mtls.example.com/token';
  const introspection_endpoint = 'https://mtls.example.com/introspect';
  t.strictSame(await located({ token_endpoint, introspection_endpoint, device_authorization_endpoint: 'x' }), {
    tokenEndpoint: token_endpoint,
    introspectionEndpoint: introspection_endpoint,
  });
  for (const bad of ['http://mtls.example.com/token', 'http://127.0.0.1/token', 'nonsense']) {
    t.strictSame(await located({ token_endpoint: bad, introspection_endpoint: bad }), {
      tokenEndpoint: undefined,
      introspectionEndpoint: undefined,
    });
  }
  for (const odd of ['x', [], null, { token_endpoint: 7 }]) t.equal(await located(odd), undefined);
});

test('an issuer by https names no endpoint without, not even on this machine', async (t) => {
  for (const options of [{}, { insecure_http: true }]) {
    const moved = world({ [oidc]: json({ ...good, token_endpoint: 'http://127.0.0.1:8080/token' }) }, options);
    t.equal((await refusal(moved.locate())).reason, 'issuer_answer_malformed');
    const beside = world({ [oidc]: json({ ...good, introspection_endpoint: 'http://127.0.0.1/introspect' }) }, options);
    t.equal((await beside.locate()).introspectionEndpoint, undefined);
  }
});

test('asked once, by however many, and believed for an hour', async (t) => {
  const { locate, asked, clock } = world({ [oidc]: json(good) });
  await Promise.all([locate(), locate(), locate()]);
  clock.pass(3_599);
  await locate();
  t.equal(asked.length, 1);
  clock.pass(1);
  await locate();
  t.equal(asked.length, 2);
});

test('a failed look-up is not repeated within a second; an endpoint known before stays known', async (t) => {
  const { locate, asked, clock, answers } = world({ [oidc]: json({}, 503) });
  await refusal(locate());
  await refusal(locate());
  t.equal(asked.length, 1);
  clock.pass(1);
  answers[oidc] = json(good);
  await locate();
  t.equal(asked.length, 2);

  clock.pass(3_600);
  answers[oidc] = json({}, 503);
  t.equal((await locate()).tokenEndpoint, good.token_endpoint);
  t.equal(asked.length, 3);
});

const refused: readonly (readonly [string, SendResponse | SendFailure, string])[] = [
  ['another issuer (mix-up)', json({ ...good, issuer: 'https://evil.example' }), 'issuer_answer_malformed'],
  ['almost this issuer', json({ ...good, issuer: `${issuer}/` }), 'issuer_answer_malformed'],
  [
    'a token endpoint over http',
    json({ ...good, token_endpoint: 'http://idp.example.com/token' }),
    'issuer_answer_malformed',
  ],
  ['a token endpoint that is no URL', json({ ...good, token_endpoint: '/token' }), 'issuer_answer_malformed'],
  [
    'a token endpoint of another scheme',
    json({ ...good, token_endpoint: 'file:///etc/passwd' }),
    'issuer_answer_malformed',
  ],
  ['no token endpoint', json({ issuer }), 'issuer_answer_malformed'],
  ['no JSON', { ...json(good), headers: { 'content-type': 'text/html' } }, 'issuer_answer_malformed'],
  ['a redirect', json({}, 302), 'issuer_failed'],
  ['an error', json({}, 500), 'issuer_failed'],
  ['nothing published', json({}, 404), 'issuer_failed'],
  ['a timeout', new SendFailure('timeout', ''), 'issuer_timeout'],
  ['an endless document', new SendFailure('too_large', ''), 'issuer_answer_oversize'],
  ['no connection', new SendFailure('unreachable', ''), 'issuer_unreachable'],
  ['a refused address', new SendFailure('address_refused', ''), 'issuer_unreachable'],
];

for (const [what, answer, reason] of refused) {
  test(`refused: ${what}`, async (t) => {
    const refusalOfIt = await refusal(world({ [oidc]: answer }).locate());
    t.equal(refusalOfIt.reason, reason);
    t.equal(refusalOfIt.retryAfter, 1);
  });
}

test('plain http stays possible on this machine, and where somebody said so', async (t) => {
  const http = { issuer: 'http://127.0.0.1:8080', token_endpoint: 'http://127.0.0.1:8080/token' };
  const local = world({ '/.well-known/openid-configuration': json(http) }, { issuer: http.issuer });
  t.equal((await local.locate()).tokenEndpoint, http.token_endpoint);

  const named = { issuer: 'http://idp.internal', token_endpoint: 'http://idp.internal/token' };
  const answers = { '/.well-known/openid-configuration': json(named) };
  await refusal(world(answers, { issuer: named.issuer }).locate());
  const insecure = world(answers, { issuer: named.issuer, insecure_http: true });
  t.equal((await insecure.locate()).tokenEndpoint, named.token_endpoint);
});

test('a configured token endpoint needs no discovery', async (t) => {
  const { gate, call, issuer: idp } = await startWorld(t);
  const { broker } = gate({ exchanges: { corp: corp(idp, { token_endpoint: idp.tokenEndpoint }) } });
  await broker.arm(call());
  t.strictSame(idp.discoveries, []);

  await gate().broker.arm(call());
  t.strictSame(idp.discoveries, ['/realm/.well-known/openid-configuration']);
});

test('neither issuer nor endpoint: reported at load, and nothing could be asked', async (t) => {
  const { gate, call, issuer: idp } = await startWorld(t);
  const { broker, problems } = gate({ exchanges: { corp: corp(idp, { issuer: undefined }) } });
  t.match(problems, [{ path: ['exchanges', 'corp'], what: 'names no issuer' }]);
  t.equal((await refusal(broker.arm(call()))).reason, 'exchange_misconfigured');
});
