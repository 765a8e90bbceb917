import { test } from 'tap';
import { gate, planner, post, start, startIssuer } from '../support/sts-issuer.ts';

const now = start / 1_000;

test("an agent's own token names the agent and is for the gate", async (t) => {
  const issuer = await startIssuer(t);
  const { status, body, claims } = await post(issuer.tokenEndpoint, { grant_type: 'client_credentials' }, planner);
  t.equal(status, 200);
  t.match(body, { token_type: 'Bearer', expires_in: 300 });
  t.notOk('scope' in body);
  t.strictSame(claims, {
    iss: issuer.issuer,
    iat: now,
    jti: claims['jti'],
    sub: 'agent:planner',
    aud: 'postern',
    client_id: 'planner',
    exp: now + 300,
    sub_profile: 'ai_agent',
  });
});

test('a client without a configured sub is its own subject', async (t) => {
  const issuer = await startIssuer(t);
  const { claims } = await post(issuer.tokenEndpoint, { grant_type: 'client_credentials' }, gate);
  t.match(claims, { sub: 'postern', aud: 'postern', scope: 'vectors.read' });
});

test('an agent cannot get a token for an upstream past the gate', async (t) => {
  const issuer = await startIssuer(t);
  const asPlanner = (more: object) =>
    post(issuer.tokenEndpoint, { grant_type: 'client_credentials', ...more }, planner);
  for (const more of [
    { audience: 'https://api.openai.com' },
    { resource: 'https://api.openai.com' },
    { audience: ['postern', 'https://api.openai.com'] },
  ]) {
    t.match(await asPlanner(more), { status: 400, body: { error: 'invalid_target' } }, JSON.stringify(more));
  }
  t.match(await asPlanner({ scope: 'model.invoke' }), { status: 400, body: { error: 'invalid_scope' } });
});

test('a client may have audiences of its own, with the scopes both allow', async (t) => {
  const issuer = await startIssuer(t);
  const asGate = (more: object) => post(issuer.tokenEndpoint, { grant_type: 'client_credentials', ...more }, gate);
  t.match((await asGate({ audience: 'qdrant' })).claims, { aud: 'qdrant', scope: 'vectors.read' });
  t.match(await asGate({ audience: 'qdrant', scope: 'vectors.write' }), { body: { error: 'invalid_scope' } });
});

test('other grants do not exist here', async (t) => {
  const issuer = await startIssuer(t);
  for (const grant_type of ['authorization_code', 'refresh_token', 'password', 'implicit', '__proto__']) {
    t.match(
      await post(issuer.tokenEndpoint, { grant_type }),
      { body: { error: 'unsupported_grant_type' } },
      grant_type,
    );
  }
  t.match(await post(issuer.tokenEndpoint, {}), { body: { error: 'invalid_request' } });
});
