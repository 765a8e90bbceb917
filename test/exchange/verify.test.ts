// What an issuer returned against what was asked: one valid token, one thing changed per story.

import { type JWTPayload, UnsecuredJWT } from 'jose';
import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import type { Issued } from '../../src/exchange/grant.ts';
import { accessTokenType } from '../../src/exchange/token-type.ts';
import { type Expected, type Finding, verify } from '../../src/exchange/verify.ts';

const now = 1_795_262_400;
const idp = 'https://idp.example.com';
const caller = { iss: idp, sub: 'agent', claims: {} };
const planner = { iss: idp, sub: 'planner', claims: {} };
const first = { iss: undefined, sub: 'first', claims: {} };

const asked: Expected = {
  audiences: ['https://api.openai.com'],
  scopes: ['model.invoke', 'model.list'],
  requestedTokenType: accessTokenType,
  maxLifetime: 600,
  chain: { sub: 'alice', actors: [caller, planner, first] },
};

const claims: JWTPayload = {
  iss: idp,
  sub: 'alice',
  aud: ['https://api.openai.com', idp],
  scope: 'model.invoke',
  exp: now + 300,
  jti: 'id-1',
  act: { iss: idp, sub: 'agent', act: { iss: idp, sub: 'planner', act: { sub: 'first' } } },
};

/** `alg: none`: what is compared are the claims, and the token could be no shorter. */
function token(payload: object): Secret {
  return new Secret(new UnsecuredJWT({ ...payload }).encode());
}

type Changes = { readonly [claim in keyof JWTPayload]: unknown };

function issued(changes: Changes = {}, answer: Partial<Issued> = {}): Issued {
  const nothingElse = { issuedTokenType: undefined, isAccessToken: true, expiresIn: undefined, scopes: undefined };
  return { token: token({ ...claims, ...changes }), ...nothingElse, ...answer };
}

function findings(given: Issued, changes: Partial<Expected> = {}): readonly Finding[] {
  return verify(given, { ...asked, ...changes }, { askedAt: now, now }).findings;
}

test('a token that is what was asked for has no findings, and tells its facts', (t) => {
  const verified = verify(issued(), asked, { askedAt: now, now });
  t.strictSame(verified.findings, []);
  t.match(verified, {
    expiresAt: now + 300,
    scopes: ['model.invoke'],
    jti: 'id-1',
    claims: {
      sub: 'alice',
      audiences: ['https://api.openai.com', idp],
      actors: [{ sub: 'agent' }, {}, { sub: 'first' }],
    },
  });
  t.end();
});

const act = (value: unknown): Changes => ({ act: value });
const inner = { iss: idp, sub: 'planner', act: { sub: 'first' } };

const stories: readonly (readonly [string, Changes, readonly Finding[]])[] = [
  ['another audience', { aud: 'https://api.anthropic.com' }, ['issued_audience_mismatch']],
  ['no audience', { aud: undefined }, ['issued_audience_mismatch']],
  [
    'an audience that only begins like it',
    { aud: 'https://api.openai.com.evil.example' },
    ['issued_audience_mismatch'],
  ],
  ['another subject', { sub: 'bob' }, ['issued_subject_changed']],
  ['no subject', { sub: undefined }, ['issued_subject_changed']],
  ['no act: Keycloak standard exchange', act(undefined), ['issued_actor_missing']],
  ['another current actor', act({ iss: idp, sub: 'other', act: inner }), ['issued_actor_missing']],
  [
    'the same name in another namespace',
    act({ iss: 'https://evil', sub: 'agent', act: inner }),
    ['issued_actor_missing'],
  ],
  ['the chain upside down', act({ ...inner, act: { iss: idp, sub: 'agent' } }), ['issued_actor_missing']],
  ['prior actors dropped', act({ iss: idp, sub: 'agent' }), ['issued_chain_changed']],
  [
    'the last actor dropped',
    act({ iss: idp, sub: 'agent', act: { iss: idp, sub: 'planner' } }),
    ['issued_chain_changed'],
  ],
  [
    'an actor slipped in',
    act({ iss: idp, sub: 'agent', act: { iss: idp, sub: 'spliced', act: inner } }),
    ['issued_chain_changed'],
  ],
  ['a prior actor renamed', act({ iss: idp, sub: 'agent', act: { ...inner, sub: 'x' } }), ['issued_chain_changed']],
  [
    'a prior actor moved to another namespace',
    act({ iss: idp, sub: 'agent', act: { ...inner, iss: undefined } }),
    ['issued_chain_changed'],
  ],
  ['act is no object', act('agent'), ['issued_chain_changed']],
  ['act is a list', act([{ sub: 'agent' }]), ['issued_chain_changed']],
  ['act without sub', act({ iss: idp }), ['issued_chain_changed']],
  ['act is null', act(null), ['issued_chain_changed']],
  ['a scope nobody asked for', { scope: 'model.invoke admin' }, ['issued_scope_widened']],
  ['a wider scope as Entra writes it', { scope: undefined, scp: 'model.invoke admin' }, ['issued_scope_widened']],
  ['a wider scope as Okta writes it', { scope: undefined, scp: ['model.invoke', 'admin'] }, ['issued_scope_widened']],
  ['a longer life than allowed', { exp: now + 3_600 }, ['issued_lifetime_too_long']],
  ['no end at all', { exp: undefined }, ['issued_lifetime_too_long']],
  ['already over', { exp: now }, ['issued_token_expired']],
  [
    'everything wrong',
    { sub: 'bob', aud: 'x', act: undefined, scope: 'admin', exp: now + 9_999 },
    [
      'issued_audience_mismatch',
      'issued_subject_changed',
      'issued_actor_missing',
      'issued_scope_widened',
      'issued_lifetime_too_long',
    ],
  ],
];

for (const [what, changes, expected] of stories) {
  test(`found: ${what}`, (t) => {
    t.strictSame(findings(issued(changes)), expected);
    t.end();
  });
}

test('a chain nested without end is malformed, and costs nothing', (t) => {
  let endless: JWTPayload = { sub: 'x' };
  for (let depth = 0; depth < 200; depth += 1) endless = { sub: 'x', act: endless };
  t.strictSame(findings(issued({ act: endless })), ['issued_chain_changed']);
  t.end();
});

test('the current actor may be named by sub alone, and scope may be left out or be a part', (t) => {
  t.strictSame(findings(issued({ act: { sub: 'agent', act: inner } })), []);
  t.strictSame(findings(issued({ scope: undefined })), []);
  t.end();
});

test('a caller that is the subject must not come back as somebody who acts', (t) => {
  const alone = { chain: { sub: 'alice', actors: [] } };
  t.strictSame(findings(issued({ act: undefined }), alone), []);
  t.strictSame(findings(issued({ act: { sub: 'postern' } }), alone), ['issued_chain_changed']);
  t.end();
});

test('the scope in the answer counts as well as the one in the token', (t) => {
  t.strictSame(findings(issued({}, { scopes: ['admin'] })), ['issued_scope_widened']);
  t.strictSame(findings(issued({ scope: 'admin' }, { scopes: ['model.invoke'] })), ['issued_scope_widened']);
  t.strictSame(findings(issued({ scope: 'anything' }), { scopes: [] }), [], 'nothing was asked: the issuer chooses');
  t.end();
});

test('the sooner of exp and expires_in counts, from when it was asked for', (t) => {
  t.equal(verify(issued({}, { expiresIn: 60 }), asked, { askedAt: now - 10, now }).expiresAt, now + 50);
  t.equal(verify(issued({}, { expiresIn: 3_600 }), asked, { askedAt: now, now }).expiresAt, now + 300);
  t.strictSame(findings(issued({}, { expiresIn: 0 })), ['issued_token_expired']);
  t.strictSame(findings(issued({ exp: now + 604 })), [], 'clocks differ by a few seconds');
  t.end();
});

test('every resource asked for must be there as well', (t) => {
  const both = { audiences: ['https://api.openai.com', 'https://r.example'] };
  t.strictSame(findings(issued(), both), ['issued_audience_mismatch']);
  t.strictSame(findings(issued({ aud: both.audiences }), both), []);
  t.end();
});

test('a token type that was not asked for', (t) => {
  const idToken = 'urn:ietf:params:oauth:token-type:id_token';
  const jwt = 'urn:ietf:params:oauth:token-type:jwt';
  t.strictSame(findings(issued({}, { issuedTokenType: idToken })), ['issued_token_type_refused']);
  t.strictSame(findings(issued({}, { issuedTokenType: jwt })), [], 'an access token in JWT form');
  t.strictSame(findings(issued({}, { issuedTokenType: accessTokenType }), { requestedTokenType: idToken }), [
    'issued_token_type_refused',
  ]);
  t.end();
});

test('an opaque token, an encrypted one and garbage cannot be compared', (t) => {
  for (const text of [
    'opaque-token',
    'a.b.c',
    'e30.e30',
    `${'A'.repeat(40)}.k.iv.ct.tag`,
    'eyJhbGciOiJub25lIn0.bm90IGpzb24.',
  ]) {
    const given = issued({}, { token: new Secret(text), expiresIn: 300 });
    t.strictSame(findings(given), ['opaque'], text);
    t.equal(verify(given, asked, { askedAt: now, now }).claims, undefined);
  }
  const wide = issued({}, { token: new Secret('opaque'), expiresIn: 300, scopes: ['admin'] });
  t.strictSame(findings(wide), ['opaque', 'issued_scope_widened'], 'what the answer says still counts');
  t.end();
});

test('the own identity of the gate belongs to no chain: audience, scope and end are compared', (t) => {
  const own = { chain: undefined };
  t.strictSame(findings(issued({ sub: 'postern', act: undefined }), own), []);
  t.strictSame(findings(issued({ sub: 'postern', aud: 'x', scope: 'admin' }), own), [
    'issued_audience_mismatch',
    'issued_scope_widened',
  ]);
  t.end();
});
