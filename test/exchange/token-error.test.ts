// Error mapping: what an issuer answered, and what it means for the call. AuthBridge makes all of it 503.

import { test } from 'tap';
import type { Reason } from '../../src/base/errors.ts';
import type { SendResponse } from '../../src/base/ports.ts';
import { oauthErrorOf, refusalOf } from '../../src/exchange/token-error.ts';

function answer(status: number, body: unknown, headers: Record<string, string> = {}): SendResponse {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: Buffer.from(text) };
}

const asked = { hasSubject: true, redact: (text: string) => text };
const refused = (status: number, body: unknown, headers?: Record<string, string>) =>
  refusalOf(answer(status, body, headers), asked);

const table: readonly (readonly [number, object | string, Reason, number])[] = [
  [400, { error: 'invalid_grant' }, 'subject_token_rejected', 401],
  [400, { error: 'invalid_token' }, 'subject_token_rejected', 401],
  [400, { error: 'invalid_subject_token' }, 'subject_token_rejected', 401],
  [400, { error: 'invalid_request', error_description: 'Invalid subject_token' }, 'subject_token_rejected', 401],
  [400, { error: 'invalid_request', error_description: 'The actor token is expired.' }, 'subject_token_rejected', 401],
  [400, { error: 'invalid_request', error_description: 'Invalid token' }, 'subject_token_rejected', 401],
  [400, { error: 'invalid_request', error_description: 'Invalid token request' }, 'exchange_misconfigured', 503],
  [400, { error: 'invalid_request', error_description: 'Parameter foo missing' }, 'exchange_misconfigured', 503],
  [400, { error: 'invalid_request' }, 'exchange_misconfigured', 503],
  [400, { error: 'unsupported_grant_type' }, 'exchange_misconfigured', 503],
  [403, { error: 'access_denied' }, 'exchange_denied', 403],
  [400, { error: 'access_denied' }, 'exchange_denied', 403],
  [400, { error: 'invalid_target' }, 'exchange_denied', 403],
  [400, { error: 'invalid_scope' }, 'exchange_denied', 403],
  [400, { error: 'actor_unauthorized' }, 'exchange_denied', 403],
  [400, { error: 'unauthorized_client' }, 'exchange_denied', 403],
  [401, { error: 'unauthorized_client' }, 'issuer_rejected_client', 503],
  [401, { error: 'invalid_client' }, 'issuer_rejected_client', 503],
  [400, { error: 'invalid_client', error_description: 'Audience not found' }, 'exchange_audience_unknown', 503],
  [403, { error: 'some_vendor_code' }, 'exchange_denied', 403],
  [400, { error: 'some_vendor_code' }, 'exchange_misconfigured', 503],
  [400, { error: 'interaction_required' }, 'step_up_demanded', 401],
  [400, { error: 'insufficient_claims' }, 'step_up_demanded', 401],
  [400, { error: 'insufficient_user_authentication' }, 'step_up_demanded', 401],
  [400, { error: 'invalid_grant', claims: '{"access_token":{}}' }, 'step_up_demanded', 401],
  [400, { error: 'access_denied', acr_values: 'phr' }, 'step_up_demanded', 401],
  [400, { error: 'invalid_grant', claims: null, acr_values: '' }, 'subject_token_rejected', 401],
  [400, { error: 'temporarily_unavailable' }, 'issuer_failed', 503],
  [429, { error: 'access_denied' }, 'issuer_failed', 503],
  [500, { error: 'access_denied' }, 'issuer_failed', 503],
  [503, 'down', 'issuer_failed', 503],
  [302, '', 'issuer_failed', 503],
  [204, '', 'issuer_failed', 503],
  [400, 'not json', 'issuer_failed', 503],
  [403, { message: 'Forbidden' }, 'issuer_failed', 503],
  [400, '[]', 'issuer_failed', 503],
  [400, 'null', 'issuer_failed', 503],
  [400, { error: ['access_denied'] }, 'issuer_failed', 503],
];

for (const [status, body, reason, outside] of table) {
  test(`${status} ${JSON.stringify(body)} -> ${reason}, ${outside}`, (t) => {
    const refusal = refused(status, body);
    t.equal(refusal.reason, reason);
    t.equal(refusal.status, outside);
    t.equal(refusal.retryAfter !== undefined, outside === 503, 'Retry-After where trying again can help');
    t.end();
  });
}

test('a page that only looks like an error answer decides nothing', (t) => {
  const page = refused(403, { error: 'access_denied' }, { 'content-type': 'text/html' });
  t.equal(page.reason, 'issuer_failed');
  t.end();
});

test('without a subject no subject can be at fault', (t) => {
  const refusal = refusalOf(answer(400, { error: 'invalid_grant' }), { ...asked, hasSubject: false });
  t.equal(refusal.reason, 'exchange_misconfigured');
  t.end();
});

test('the issuer may say how long to wait, within bounds', (t) => {
  const wait = (value: string) => refused(503, '', { 'retry-after': value }).retryAfter;
  t.equal(wait('7'), 7);
  t.equal(wait('86400'), 60);
  t.equal(wait('0'), 1);
  t.equal(wait('-5'), 1);
  t.equal(wait('Fri, 31 Dec 2026 23:59:59 GMT'), 1);
  t.equal(refused(429, { error: 'slow_down' }, { 'retry-after': '7' }).retryAfter, 7);
  t.end();
});

test('the operator reads code and description, cut and cleaned', (t) => {
  const refusal = refused(400, { error: 'access_denied', error_description: `no\r\n${'x '.repeat(500)}` });
  t.match(refusal.detail, /^access_denied: no {2}x x/);
  t.ok((refusal.detail?.length ?? 999) < 200);
  t.equal(oauthErrorOf(refusal), 'access_denied');
  t.equal(oauthErrorOf(refused(400, { error: 'a"b\n' })), 'unknown');
  t.equal(oauthErrorOf(refused(400, { error: 'x'.repeat(65) })), 'unknown');
  t.equal(oauthErrorOf(refused(500, '')), undefined);
  t.end();
});

test('a step-up carries its challenge to the client (RFC 9470)', (t) => {
  const challenge = (body: object) => refused(400, { error: 'insufficient_user_authentication', ...body }).challenge;
  t.equal(challenge({}), 'error="insufficient_user_authentication"');
  t.equal(
    challenge({ acr_values: 'phr phrh', max_age: 300 }),
    'error="insufficient_user_authentication", acr_values="phr phrh", max_age="300"',
  );
  t.equal(
    challenge({ claims: '{"id_token":{"acr":{"essential":true}}}' }),
    `error="insufficient_claims", claims="${Buffer.from('{"id_token":{"acr":{"essential":true}}}').toString('base64')}"`,
  );
  t.match(challenge({ claims: { id_token: {} } }), `claims="${Buffer.from('{"id_token":{}}').toString('base64')}"`);
  t.end();
});
