// Attack: an ID-JAG is a grant that one authorization server redeems for access in a user's name. Carried to another server,
// swapped for a token of another kind, or placed on a request as if it were a credential, it would open what nobody granted
// (draft-ietf-oauth-identity-assertion-authz-grant, "cross-domain" and RFC 8725 section 3.11). Held in every mode of
// verification by its `typ`, its sole audience, and by never leaving the chain that asked for it.

import { test } from 'tap';
import { idJag, startIdJag } from '../support/exchange-id-jag.ts';
import { refusal } from '../support/exchange-world.ts';

for (const verify of ['strict', 'record']) {
  test(`${verify}: a grant for another server, or for two, is not redeemed here`, async (t) => {
    const { world, server, gate } = await startIdJag(t);
    for (const aud of ['https://as.other.example', [server.issuer, 'https://as.other.example'], undefined]) {
      world.issuer.misbehave({ claims: ({ aud: _, ...claims }) => ({ ...claims, ...(aud && { aud }) }) });
      t.equal((await refusal(gate({ verify }).broker.arm(world.call()))).reason, 'issued_audience_mismatch');
    }
    t.notOk(server.received.some(({ path }) => path === '/token'));
  });

  test(`${verify}: another kind of token is not redeemed as one (RFC 8725 section 3.11)`, async (t) => {
    const { world, server, gate } = await startIdJag(t);
    for (const typ of ['at+jwt', 'JWT']) {
      world.issuer.misbehave({ typ });
      t.equal((await refusal(gate({ verify }).broker.arm(world.call()))).reason, 'issued_token_type_refused');
    }
    t.notOk(server.received.some(({ path }) => path === '/token'));
  });
}

test('an ID-JAG is no credential: N_A is never placed on a request', async (t) => {
  const { world } = await startIdJag(t);
  const { problems } = world.gate({ routes: [{ requestedTokenType: idJag }] });
  t.match(problems, [{ path: ['routes', 0, 'requested_token_type'], what: /no credential/ }]);

  world.issuer.misbehave({ answer: (answer) => ({ ...answer, token_type: 'N_A' }) });
  const { broker } = world.gate({ routes: [{ verify: 'record' }] });
  t.equal((await refusal(broker.arm(world.call()))).reason, 'issued_token_type_refused');
});
