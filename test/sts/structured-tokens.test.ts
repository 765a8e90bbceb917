import { test } from 'tap';
import {
  clockAt,
  exchange,
  gate,
  ownToken,
  planner,
  post,
  researcher,
  start,
  startIssuer,
} from '../support/sts-issuer.ts';

test('introspection tells a live token with its chain', async (t) => {
  const issuer = await startIssuer(t);
  const subject = await issuer.mint({ sub: 'alice', audience: 'agent:planner' });
  const actor = await ownToken(issuer, planner);
  const { body } = await exchange(issuer, { subject, actor }, { scope: 'model.invoke' });
  const { status, body: facts } = await post(`${issuer.issuer}/token/introspection`, {
    token: String(body['access_token']),
  });
  t.equal(status, 200);
  t.match(facts, {
    active: true,
    iss: issuer.issuer,
    sub: 'alice',
    aud: 'https://api.openai.com',
    client_id: 'postern',
    scope: 'model.invoke',
    token_type: 'Bearer',
    act: { sub: 'agent:planner' },
  });
});

test('what is not live is inactive, and nothing else is said', async (t) => {
  const clock = clockAt(start);
  const issuer = await startIssuer(t, {}, clock);
  const elsewhere = await startIssuer(t);
  const expiring = await issuer.mint({ sub: 'alice', ttl: 10 });
  clock.advance(10);
  for (const token of ['opaque', expiring, await elsewhere.mint({ sub: 'alice' }), `${expiring}x`]) {
    const answer = await post(`${issuer.issuer}/token/introspection`, { token });
    t.match(answer, { status: 200 });
    t.strictSame(answer.body, { active: false });
  }
});

test('only authenticated clients may ask', async (t) => {
  const issuer = await startIssuer(t);
  const token = await issuer.mint({ sub: 'alice' });
  const stranger = { id: 'postern', secret: 'wrong' };
  for (const endpoint of ['introspection', 'revocation']) {
    const answer = await post(`${issuer.issuer}/token/${endpoint}`, { token }, stranger);
    t.match(answer, { status: 401, body: { error: 'invalid_client' } }, endpoint);
    t.match(await post(`${issuer.issuer}/token/${endpoint}`, {}), { status: 400, body: { error: 'invalid_request' } });
  }
  const still = await post(`${issuer.issuer}/token/introspection`, { token });
  t.equal(still.body['active'], true, 'and a refused revocation revokes nothing');
});

test('a client revokes its own token: no longer active, no longer exchangeable', async (t) => {
  const issuer = await startIssuer(t);
  const subject = await issuer.mint({ sub: 'alice', audience: ['agent:planner', 'postern'] });
  const actor = await ownToken(issuer, planner);
  t.equal((await exchange(issuer, { subject, actor })).status, 200);
  const revoked = await post(`${issuer.issuer}/token/revocation`, { token: actor }, planner);
  t.equal(revoked.status, 200);

  t.strictSame((await post(`${issuer.issuer}/token/introspection`, { token: actor })).body, { active: false });
  t.match(await exchange(issuer, { subject, actor }), { status: 400, body: { error: 'invalid_request' } });
  t.match(await exchange(issuer, { subject: actor }), { status: 400, body: { error: 'invalid_request' } });
  t.equal((await exchange(issuer, { subject })).status, 200, 'other tokens live on');
  t.equal(
    (await post(`${issuer.issuer}/token/revocation`, { token: actor }, planner)).status,
    200,
    'twice is no error',
  );
});

test("another client's token is not revoked, and the client is told", async (t) => {
  const issuer = await startIssuer(t);
  const token = await ownToken(issuer, planner);
  for (const client of [researcher, gate]) {
    const answer = await post(`${issuer.issuer}/token/revocation`, { token }, client);
    t.match(answer, { status: 400, body: { error: 'unauthorized_client' } });
  }
  t.equal((await post(`${issuer.issuer}/token/introspection`, { token })).body['active'], true);
  t.equal((await post(`${issuer.issuer}/token/revocation`, { token: 'opaque' })).status, 200, 'unknown is no error');
});
