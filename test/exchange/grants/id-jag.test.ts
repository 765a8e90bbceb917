// ID-JAG (draft-ietf-oauth-identity-assertion-authz-grant): the identity provider's grant for one resource authorization
// server, redeemed there for an access token. MCP's enterprise-managed authorization is this with `resource`.

import { decodeJwt, decodeProtectedHeader } from 'jose';
import { test } from 'tap';
import { idJag, mcp, startIdJag } from '../../support/exchange-id-jag.ts';

test('two legs: the grant for the server, the access token for the resource', async (t) => {
  const { world, server, gate } = await startIdJag(t);
  const { broker, problems } = gate();

  const { credential } = await broker.arm(world.call());

  t.strictSame(problems, []);
  t.match(Object.fromEntries(world.issuer.received[0]?.form ?? []), {
    requested_token_type: idJag,
    audience: server.issuer,
    resource: mcp,
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
  });
  const assertion = String(server.received.find(({ path }) => path === '/token')?.body?.['assertion']);
  t.equal(decodeProtectedHeader(assertion).typ, 'oauth-id-jag+jwt');
  t.match(decodeJwt(assertion), { aud: server.issuer, client_id: 'postern-gate', resource: mcp });
  t.match(decodeJwt(credential.secret?.reveal() ?? ''), { iss: server.issuer, sub: 'alice', aud: [mcp] });
});

test('every hop has a grant of its own: none is kept, none is redeemed twice', async (t) => {
  const { world, gate } = await startIdJag(t);
  const { broker } = gate();
  await broker.arm(world.call());
  await broker.arm(world.call({ scopes: ['other'] }));
  t.equal(world.issuer.received.length, 2);
  t.equal(broker.stats().entries, 2, 'access tokens only');
});

test('a step that would carry it to another server than the next is reported at load', async (t) => {
  const { gate } = await startIdJag(t);
  t.match(gate({ audience: 'https://as.other.example' }).problems, [
    { path: ['exchanges', 'both', 'steps', 0, 'audience'], what: /next step would redeem it at/ },
  ]);
});
