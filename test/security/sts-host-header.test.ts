// Whoever sends a request chooses its Host header. An authorization server that builds its own URLs from it can be made to
// publish another's endpoints (metadata poisoning of a cache or proxy in front), and to accept client assertions that were
// made for another server: send one with that server's name as Host and its audience becomes "ours".

import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type Test, test } from 'tap';
import { systemClock } from '../../src/base/ports.ts';
import { startIssuer } from '../support/sts-issuer.ts';
import { type RawAnswer, send } from '../support/sts-raw-http.ts';

test('metadata names the configured issuer whatever the Host', async (t) => {
  const { issuer } = await startIssuer(t);
  for (const headers of [{ host: 'evil.example' }, { host: 'evil.example', 'x-forwarded-host': 'evil.example' }]) {
    const answer = await send(`${issuer}/.well-known/oauth-authorization-server`, { headers });
    t.equal(answer.status, 200);
    t.notMatch(answer.body, /evil/);
    t.match(JSON.parse(answer.body), { issuer, token_endpoint: `${issuer}/token` });
  }
});

test('an assertion made for another server is not accepted under its name', async (t) => {
  const { tokenEndpoint, sign } = await startForSigner(t);
  const answer = await present(tokenEndpoint, await sign('http://other.example/token'), 'other.example');
  t.equal(answer.status, 401);
  t.match(JSON.parse(answer.body), { error: 'invalid_client' });
});

test('and one made for this issuer is, by whatever name it was reached', async (t) => {
  const { tokenEndpoint, sign } = await startForSigner(t);
  t.equal((await present(tokenEndpoint, await sign(tokenEndpoint), 'sts.internal')).status, 200);
});

async function startForSigner(t: Test) {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const client = { id: 'signer', auth: 'private_key_jwt', jwks: { keys: [await exportJWK(publicKey)] } };
  const { tokenEndpoint } = await startIssuer(t, { clients: [client] }, systemClock);
  const sign = (audience: string) =>
    new SignJWT({ jti: 'one' })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer('signer')
      .setSubject('signer')
      .setAudience(audience)
      .setExpirationTime('1m')
      .sign(privateKey);
  return { tokenEndpoint, sign };
}

function present(tokenEndpoint: string, assertion: string, host: string): Promise<RawAnswer> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  });
  const headers = { host: host, 'content-type': 'application/x-www-form-urlencoded' };
  return send(tokenEndpoint, { method: 'POST', headers, body: form.toString() });
}
