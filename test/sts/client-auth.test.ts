// Client authentication as the issuer's clients do it. The provider library reads the system clock for assertions, so
// these tests do too.

import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { test } from 'tap';
import { systemClock } from '../../src/base/ports.ts';
import { gate, planner, post, startIssuer } from '../support/sts-issuer.ts';

const grant = { grant_type: 'client_credentials' };
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

test('a wrong, missing or unknown client is invalid_client', async (t) => {
  const { tokenEndpoint } = await startIssuer(t);
  const refused = { status: 401, body: { error: 'invalid_client' } };
  const wrong = await post(tokenEndpoint, grant, { ...gate, secret: 'wrong' });
  t.match(wrong, refused);
  t.match(wrong.headers.get('www-authenticate'), /^Basic /, 'RFC 6749 section 5.2');
  t.match(await post(tokenEndpoint, grant, { id: 'nobody', secret: 'gate-secret' }), refused);
  t.match(await post(tokenEndpoint, grant, { ...planner, secret: gate.secret }), refused);
  t.match(await post(tokenEndpoint, { ...grant, client_id: 'postern' }, 'unauthenticated'), refused, 'no proof at all');
  t.match(await post(tokenEndpoint, grant, 'unauthenticated'), { status: 400, body: { error: 'invalid_request' } });
});

test('a secret is sent in the header or in the form, never in both', async (t) => {
  const { tokenEndpoint } = await startIssuer(t);
  const form = { ...grant, client_id: gate.id, client_secret: gate.secret };
  t.equal((await post(tokenEndpoint, form, 'unauthenticated')).status, 200);
  t.match(await post(tokenEndpoint, form, gate), { status: 400, body: { error: 'invalid_request' } });
});

test('a client that signs is not let in with a secret', async (t) => {
  const { publicKey } = await generateKeyPair('ES256');
  const signer = { id: 'signer', auth: 'private_key_jwt', jwks: { keys: [await exportJWK(publicKey)] } };
  const { tokenEndpoint } = await startIssuer(t, { clients: [signer] });
  for (const secret of ['', 'undefined', 'x']) {
    const answer = await post(tokenEndpoint, grant, { id: 'signer', secret });
    t.match(answer.body, { error: /^invalid_(client|request)$/ });
  }
});

test('secrets with reserved characters work as RFC 6749 section 2.3.1 encodes them', async (t) => {
  const odd = { id: 'spiffe://demo/agent', secret: 'a:b c%+&/' };
  const { tokenEndpoint } = await startIssuer(t, { clients: [odd] });
  const encoded = { id: encodeURIComponent(odd.id), secret: encodeURIComponent(odd.secret) };
  t.equal((await post(tokenEndpoint, grant, encoded)).status, 200);
});

test('private_key_jwt: one use each, for this issuer alone', async (t) => {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const stranger = await generateKeyPair('ES256');
  const signer = { id: 'signer', auth: 'private_key_jwt', jwks: { keys: [await exportJWK(publicKey)] } };
  const issuer = await startIssuer(t, { clients: [signer] }, systemClock);
  const now = Math.floor(systemClock.now() / 1_000);
  let count = 0;
  const assertion = (changes: Record<string, unknown> = {}, key = privateKey) => {
    count += 1;
    const claims = { iss: 'signer', sub: 'signer', aud: issuer.issuer, jti: `a-${count}`, exp: now + 60, ...changes };
    return new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).sign(key);
  };
  const send = async (client_assertion: string) =>
    post(issuer.tokenEndpoint, { ...grant, client_assertion_type: assertionType, client_assertion }, 'unauthenticated');

  t.match(await send(await assertion()), { status: 200, claims: { sub: 'signer' } });
  t.equal((await send(await assertion({ aud: issuer.tokenEndpoint }))).status, 200, 'the endpoint as audience');
  t.equal((await send(await assertion({ aud: [issuer.issuer] }))).status, 200, 'a list of one');

  const refused: [string, string][] = [
    ['for another server', await assertion({ aud: 'https://other.example' })],
    ['for us among others', await assertion({ aud: [issuer.issuer, 'https://other.example'] })],
    ['expired', await assertion({ exp: now - 60 })],
    ['living too long', await assertion({ exp: now + 86_400 })],
    ['signed by a stranger', await assertion({}, stranger.privateKey)],
    ['of another issuer', await assertion({ iss: 'somebody' })],
    ['without an id', await assertion({ jti: undefined })],
  ];
  for (const [name, value] of refused) {
    t.match(await send(value), { status: 401, body: { error: 'invalid_client' } }, name);
  }

  const once = await assertion();
  const answers = await Promise.all([send(once), send(once), send(once), send(once)]);
  t.strictSame(
    answers.map(({ status }) => status).sort(),
    [200, 401, 401, 401],
    'used once, even when four requests carry it at the same moment',
  );
});
