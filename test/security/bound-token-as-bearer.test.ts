// Attack: a token that is bound to its holder's key (`cnf`: DPoP, RFC 9449; certificate, RFC 8705) is stolen and presented to
// the gate as a bearer token. Whoever issued it bound it so that this is of no use; a gate that ignored `cnf` would undo it.

import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { agentSub, identityWorld, reasonOf } from '../support/identity-world.ts';

const thumbprint = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I';

const bindings: Record<string, unknown> = {
  jkt: { jkt: thumbprint },
  'x5t#S256': { 'x5t#S256': thumbprint },
  jwk: { jwk: { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' } },
  'something not known yet': { 'urn:later': 'x' },
  'something that is no object': 'odd',
};

for (const [name, cnf] of Object.entries(bindings)) {
  test(`a token bound by ${name} is refused without proof`, async (t) => {
    const { identity, issuer } = await identityWorld(t);
    const token = await issuer.mint({ sub: agentSub, cnf });
    t.equal(await reasonOf(identity.verify(new Secret(token))), 'token_sender_constrained');
    t.equal(await reasonOf(identity.verify(new Secret(token))), 'token_sender_constrained', 'remembered as such');
  });
}

test('the same token without a binding is taken', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const { principal } = await identity.verify(new Secret(await issuer.mint({ sub: agentSub })));
  t.equal(principal.sub, agentSub);
});

test('somebody may have chosen otherwise for one issuer, in as many words', async (t) => {
  const { identity, issuer } = await identityWorld(t, { trust: () => ({ insecure_accept_bound_tokens: true }) });
  const token = await issuer.mint({ sub: agentSub, cnf: { jkt: thumbprint } });
  t.equal((await identity.verify(new Secret(token))).principal.sub, agentSub);
});
