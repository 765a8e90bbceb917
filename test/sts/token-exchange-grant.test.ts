import { test } from 'tap';
import {
  accessTokenUrn,
  claimsOf,
  clockAt,
  exchange,
  gate,
  headerOf,
  ownToken,
  planner,
  researcher,
  start,
  startIssuer,
} from '../support/sts-issuer.ts';

const now = start / 1_000;
const openai = 'https://api.openai.com';

test('a user token and an agent token become one token for one audience', async (t) => {
  const issuer = await startIssuer(t);
  const subject = await issuer.mint({ sub: 'alice', audience: 'agent:planner' });
  const actor = await ownToken(issuer, planner);
  const { status, body, claims, headers } = await exchange(issuer, { subject, actor }, { scope: 'model.invoke' });
  t.equal(status, 200);
  t.match(headers.get('cache-control'), /no-store/);
  t.strictSame(Object.keys(body).sort(), ['access_token', 'expires_in', 'issued_token_type', 'scope', 'token_type']);
  t.match(body, { token_type: 'Bearer', issued_token_type: accessTokenUrn, expires_in: 300, scope: 'model.invoke' });
  t.strictSame(claims, {
    iss: issuer.issuer,
    iat: now,
    jti: claims['jti'],
    sub: 'alice',
    aud: openai,
    client_id: 'postern',
    exp: now + 300,
    txn: claims['txn'],
    scope: 'model.invoke',
    act: { sub: 'agent:planner', iss: issuer.issuer },
    sub_profile: 'user',
  });
  t.equal(headerOf(String(body['access_token']))['typ'], 'at+jwt');
});

test('over three hops the chain grows outermost first, prior actors verbatim, one txn', async (t) => {
  const issuer = await startIssuer(t);
  const user = await issuer.mint({ sub: 'alice', audience: 'agent:planner' });
  const [plannerToken, researcherToken] = [await ownToken(issuer, planner), await ownToken(issuer, researcher)];
  const first = await exchange(issuer, { subject: user, actor: plannerToken }, { audience: 'agent:researcher' });
  const second = await exchange(
    issuer,
    { subject: String(first.body['access_token']), actor: researcherToken },
    { audience: 'agent:researcher' },
  );
  const third = await exchange(
    issuer,
    { subject: String(second.body['access_token']), actor: researcherToken },
    { audience: 'qdrant', scope: 'vectors.read' },
  );
  const iss = issuer.issuer;
  const one = { sub: 'agent:planner', iss };
  const two = { sub: 'agent:researcher', iss, act: one };
  t.strictSame(first.claims['act'], one);
  t.strictSame(second.claims['act'], two);
  t.strictSame(third.claims['act'], { sub: 'agent:researcher', iss, act: two });
  t.match(third.claims, { sub: 'alice', aud: 'qdrant', txn: first.claims['txn'] });
  t.not(third.claims['jti'], second.claims['jti']);
});

test('a prior chain is carried on verbatim, members unknown to us included', async (t) => {
  const issuer = await startIssuer(t);
  const act = { sub: 'svc', iss: 'https://other.example', sub_profile: 'service', act: { sub: 'first', x: [1, null] } };
  const subject = await issuer.mint({ sub: 'alice', audience: 'agent:planner', act, claims: { txn: 'txn-7' } });
  const delegated = await exchange(issuer, { subject, actor: await ownToken(issuer, planner) });
  t.strictSame(delegated.claims['act'], { sub: 'agent:planner', iss: issuer.issuer, act });
  t.equal(delegated.claims['txn'], 'txn-7');

  const toGate = await issuer.mint({ sub: 'alice', audience: 'postern', act });
  const alone = await exchange(issuer, { subject: toGate });
  t.strictSame(alone.claims['act'], act, 'and not dropped when no actor is added');
});

test('a workload exchanges for itself: no actor, no chain', async (t) => {
  const issuer = await startIssuer(t);
  const { status, claims } = await exchange(issuer, { subject: await ownToken(issuer, planner) });
  t.equal(status, 200);
  t.match(claims, { sub: 'agent:planner', sub_profile: 'ai_agent' });
  t.notOk('act' in claims);
});

test('the token never outlives what it was made from', async (t) => {
  const clock = clockAt(start);
  const issuer = await startIssuer(t, {}, clock);
  const actor = await issuer.mint({ sub: 'agent:planner', kind: 'workload', ttl: 100 });
  const subject = await issuer.mint({ sub: 'alice', audience: 'agent:planner', ttl: 200 });
  const short = await exchange(issuer, { subject, actor });
  t.equal(short.claims['exp'], now + 100, 'the actor ends first');
  t.equal(short.body['expires_in'], 100);

  const longActor = await issuer.mint({ sub: 'agent:planner', kind: 'workload', ttl: 900 });
  t.equal((await exchange(issuer, { subject, actor: longActor })).claims['exp'], now + 200, 'the subject ends first');
  const longSubject = await issuer.mint({ sub: 'alice', audience: 'agent:planner', ttl: 900 });
  const both = await exchange(issuer, { subject: longSubject, actor: longActor });
  t.equal(both.claims['exp'], now + 300, 'token_ttl ends first');

  clock.advance(100);
  const late = await exchange(issuer, { subject, actor });
  t.match(late, { status: 400, body: { error: 'invalid_request', error_description: /^actor_token is not a valid/ } });
});

test('a client that may not exchange is told so', async (t) => {
  const issuer = await startIssuer(t);
  const subject = await issuer.mint({ sub: 'alice', audience: 'planner' });
  t.match(await exchange(issuer, { subject }, {}, planner), { status: 400, body: { error: 'unauthorized_client' } });
});

test('only live tokens of this issuer are exchanged', async (t) => {
  const issuer = await startIssuer(t);
  const elsewhere = await startIssuer(t);
  const good = await issuer.mint({ sub: 'alice', audience: 'postern' });
  const cut = good.slice(0, -4);
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${good.split('.')[1]}.`;
  const bad: [string, string][] = [
    ['garbage', 'garbage'],
    ['a cut signature', cut],
    ['alg none', none],
    ['another issuer', await elsewhere.mint({ sub: 'alice', audience: 'postern' })],
    ['another issuer that says it is this one', await elsewhere.mint({ sub: 'a', claims: { iss: issuer.issuer } })],
    ['expired', await issuer.mint({ sub: 'alice', audience: 'postern', ttl: -1 })],
    ['not yet valid', await issuer.mint({ sub: 'alice', audience: 'postern', claims: { nbf: now + 60 } })],
    ['another kind of JWT', await issuer.mint({ sub: 'alice', audience: 'postern', typ: 'logout+jwt' })],
    ['no subject', await issuer.mint({ sub: '', claims: { sub: null } })],
    ['too long', await issuer.mint({ sub: 'alice', claims: { padding: 'x'.repeat(20_000) } })],
  ];
  t.equal((await exchange(issuer, { subject: good })).status, 200);
  for (const [name, subject] of bad) {
    const expected = {
      status: 400,
      body: { error: 'invalid_request', error_description: /^subject_token is not a valid/ },
    };
    t.match(await exchange(issuer, { subject }), expected, name);
  }
});

test('an unknown, missing or second audience is invalid_target', async (t) => {
  const issuer = await startIssuer(t);
  const subject = await issuer.mint({ sub: 'alice', audience: 'postern' });
  const cases: Record<string, string | string[] | undefined>[] = [
    { audience: 'https://api.anthropic.com' },
    { audience: undefined },
    { audience: '' },
    { audience: '__proto__' },
    { audience: [openai, 'qdrant'] },
    { audience: openai, resource: 'qdrant' },
    { audience: `${openai}/` },
  ];
  for (const more of cases) {
    const answer = await exchange(issuer, { subject }, more);
    t.match(answer, { status: 400, body: { error: 'invalid_target' } }, JSON.stringify(more));
  }
  for (const more of [
    { audience: undefined, resource: openai },
    { audience: [openai, openai], resource: openai },
  ]) {
    t.equal((await exchange(issuer, { subject }, more)).claims['aud'], openai, JSON.stringify(more));
  }
});

test('scope narrows and never widens', async (t) => {
  const issuer = await startIssuer(t);
  const carrying = (scope?: string) => issuer.mint({ sub: 'alice', audience: 'postern', scope });
  const granted = async (carried: string | undefined, scope: string | undefined, audience = openai) => {
    const { body } = await exchange(issuer, { subject: await carrying(carried) }, { audience, scope });
    return body['error'] ?? body['scope'] ?? 'none';
  };
  t.equal(await granted(undefined, 'model.invoke'), 'model.invoke');
  t.equal(await granted(undefined, undefined), 'model.invoke model.list', 'all of the audience when none is named');
  t.equal(await granted('model.list vectors.read', undefined), 'model.list', 'what both allow');
  t.equal(await granted('model.list vectors.read', 'model.list'), 'model.list');
  t.equal(await granted('model.list', 'model.invoke'), 'invalid_scope', 'the subject does not carry it');
  t.equal(await granted('model.list vectors.read', 'vectors.read'), 'invalid_scope', 'another audience has it');
  t.equal(await granted(undefined, 'model.invoke admin'), 'invalid_scope', 'nobody has it');
  t.equal(await granted('profile', undefined), 'invalid_scope', 'nothing is left');
  t.equal(await granted('', undefined), 'invalid_scope', 'an empty scope claim carries nothing');
});

test('at an audience without scopes of its own the limit of the subject token is carried on', async (t) => {
  const issuer = await startIssuer(t);
  const actor = await ownToken(issuer, planner);
  const hop = async (carried: string | undefined, scope?: string) => {
    const subject = await issuer.mint({ sub: 'alice', audience: 'agent:planner', scope: carried });
    return exchange(issuer, { subject, actor }, { audience: 'agent:researcher', scope });
  };
  t.equal((await hop('model.list profile')).claims['scope'], 'model.list profile');
  t.equal((await hop('model.list profile', 'model.list')).claims['scope'], 'model.list');
  t.match((await hop('model.list', 'model.invoke')).body, { error: 'invalid_scope' });
  t.match((await hop(undefined, 'model.invoke')).body, { error: 'invalid_scope' });
  t.notOk('scope' in (await hop(undefined)).claims, 'no limit, none made up');

  const limited = await hop('model.list');
  const next = { subject: String(limited.body['access_token']), actor: await ownToken(issuer, researcher) };
  t.equal((await exchange(issuer, next)).claims['scope'], 'model.list');
  t.match((await exchange(issuer, next, { scope: 'model.invoke' })).body, { error: 'invalid_scope' });
});

test('a limit of nothing stays a limit of nothing', async (t) => {
  const issuer = await startIssuer(t, { audiences: [{ id: 'agent:researcher', scopes: [] }, { id: 'any' }] });
  const subject = await issuer.mint({ sub: 'alice', audience: 'postern', scope: 'model.list' });
  const { body, claims } = await exchange(issuer, { subject }, { audience: 'agent:researcher' });
  t.equal(claims['scope'], '');
  t.notOk('scope' in body);
  const emptied = await issuer.mint({ sub: 'alice', audience: 'postern', scope: '' });
  t.equal((await exchange(issuer, { subject: emptied }, { audience: 'any' })).claims['scope'], '');
});

test('requests that RFC 8693 section 2.1 does not allow are invalid_request', async (t) => {
  const issuer = await startIssuer(t);
  const subject = await issuer.mint({ sub: 'alice', audience: 'postern' });
  const jwtUrn = 'urn:ietf:params:oauth:token-type:jwt';
  const refused: Record<string, string | string[] | undefined>[] = [
    { subject_token: undefined },
    { subject_token: '' },
    { subject_token: [subject, subject] },
    { subject_token_type: undefined },
    { subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' },
    { actor_token: subject },
    { actor_token_type: accessTokenUrn },
    { actor_token: subject, actor_token_type: 'jwt' },
    { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
  ];
  for (const more of refused) {
    const answer = await exchange(issuer, { subject }, more);
    t.match(answer, { status: 400, body: { error: 'invalid_request' } }, Object.keys(more).join(', '));
  }
  const jwt = await exchange(issuer, { subject }, { subject_token_type: jwtUrn, requested_token_type: jwtUrn });
  t.match(jwt.body, { issued_token_type: jwtUrn, token_type: 'Bearer' });
});

test('concurrent exchanges do not mix', async (t) => {
  const issuer = await startIssuer(t);
  const actor = await ownToken(issuer, planner);
  const users = Array.from({ length: 40 }, (_, index) => `user-${index}`);
  const answers = await Promise.all(
    users.map(async (sub, index) => {
      const subject = await issuer.mint({ sub, audience: 'agent:planner' });
      return exchange(issuer, { subject, actor }, { audience: index % 2 === 0 ? openai : 'qdrant' });
    }),
  );
  t.strictSame(
    answers.map(({ claims }) => claims['sub']),
    users,
  );
  t.equal(new Set(answers.map(({ claims }) => claims['jti'])).size, users.length);
  t.ok(answers.every(({ claims }, index) => claims['aud'] === (index % 2 === 0 ? openai : 'qdrant')));
});

test('no answer quotes a token', async (t) => {
  const issuer = await startIssuer(t);
  const subject = await issuer.mint({ sub: 'alice', audience: 'nobody' });
  const [, payload = '', signature = ''] = subject.split('.');
  for (const client of [gate, planner]) {
    const said = JSON.stringify((await exchange(issuer, { subject, actor: subject }, {}, client)).body);
    t.notOk(said.includes(payload) || said.includes(signature));
  }
  t.match(claimsOf(subject), { sub: 'alice' });
});
