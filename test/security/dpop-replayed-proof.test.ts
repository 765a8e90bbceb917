// Attack: whoever sees a call (the upstream itself, a log, a proxy) has the bound token and one proof, and sends both again: to
// the same place, to another path, with another method, later, or to the issuer. A proof is for one request and one moment.

import { test } from 'tap';
import { createProver } from '../support/dpop-proofs.ts';
import { seen, startDpop } from '../support/dpop-world.ts';
import { gateClient } from '../support/e2e-issuer.ts';

test('a proof is good for the one request it was made for', async (t) => {
  const world = await startDpop(t);
  await world.call('/api/a');
  const { token, proof, url } = seen(world);
  const headers = { authorization: `DPoP ${token}`, dpop: proof };
  t.equal((await fetch(url, { headers })).status, 401, 'again');
  t.equal((await fetch(`${url}/b`, { headers })).status, 401, 'another path');
  t.equal((await fetch(url, { headers, method: 'DELETE' })).status, 401, 'another method');
  t.match(world.faults, ['used before', /^htu/, /^htm/]);

  // What it says, in case the upstream remembers nothing.
  const said: Record<string, unknown> = JSON.parse(Buffer.from(proof.split('.')[1] ?? '', 'base64url').toString());
  t.match(said, { htm: 'GET', htu: url, iat: world.clock.now() / 1_000, ath: /^[\w-]{43}$/, jti: /^[\w-]{36}$/ });
  const other = { method: 'GET', url, token: `${token}x` };
  await t.rejects(world.check(proof, other), /ath/, 'of no use with another token');
  world.clock.advance(60);
  await t.rejects(world.check(proof, { method: 'GET', url, token }), /iat/, 'nor a minute later');
});

test('a proof made for the upstream asks the issuer for nothing, nor does one made for the issuer ask twice', async (t) => {
  const world = await startDpop(t);
  await world.call('/api/a');
  const { proof } = seen(world);
  const { tokenEndpoint } = world.issuer.direct;
  const ask = async (dpop: string) => {
    const credentials = Buffer.from(`${gateClient.id}:${gateClient.secret}`).toString('base64');
    const answer = await fetch(tokenEndpoint, {
      method: 'POST',
      headers: { authorization: `Basic ${credentials}`, dpop },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    return answer.status;
  };
  t.equal(await ask(proof), 400);
  const own = await (await createProver(world.clock)).proof('POST', tokenEndpoint);
  t.strictSame([await ask(own), await ask(own)], [200, 400]);
});
