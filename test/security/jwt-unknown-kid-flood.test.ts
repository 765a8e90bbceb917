// Attack: a flood of tokens, each with a made-up `kid`, to make the gate fetch the issuer's keys for each one: the gate is
// turned against the issuer, or waits itself to death.

import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { jwksPath, sendJson } from '../support/identity-issuer.ts';
import { identityWorld, reasonOf } from '../support/identity-world.ts';

test('made-up kids cost one fetch per half minute, whatever their number', async (t) => {
  const { identity, issuer, clock } = await identityWorld(t, { trust: ({ jwksUrl }) => ({ jwks_uri: jwksUrl }) });
  await identity.warm();
  const flood = async () => {
    const tokens = await Promise.all(Array.from({ length: 100 }, (_, i) => issuer.mint({}, { kid: `made-up-${i}` })));
    return new Set(await Promise.all(tokens.map((token) => reasonOf(identity.verify(new Secret(token))))));
  };

  t.strictSame(await flood(), new Set(['token_key_unknown']));
  t.equal(issuer.requests.length, 1, 'the keys were fresh');
  clock.advance(30);
  t.strictSame(await flood(), new Set(['token_key_unknown']));
  t.equal(issuer.requests.length, 2, 'one flight for all');
  t.equal(await reasonOf(identity.verify(new Secret(await issuer.mint()))), 'not refused', 'others are not harmed');
});

test('a refusal for an unknown key is not remembered: the key may come', async (t) => {
  const { identity, issuer, clock } = await identityWorld(t);
  await identity.warm();
  issuer.rotate();
  const token = new Secret(await issuer.mint());
  t.equal(await reasonOf(identity.verify(token)), 'token_key_unknown', 'within the pause');
  clock.advance(30);
  t.equal(await reasonOf(identity.verify(token)), 'not refused');
});

test('a fetch made in vain keeps the keys there were', async (t) => {
  const { identity, issuer, clock } = await identityWorld(t);
  await identity.warm();
  const good = await issuer.mint();
  issuer.answer(jwksPath, (response) => sendJson(response, { keys: 'none' }));
  clock.advance(31);
  const unknown = new Secret(await issuer.mint({}, { kid: 'x' }));
  t.equal(await reasonOf(identity.verify(unknown)), 'keys_unavailable', 'it cannot be told whether the key exists');
  t.equal(await reasonOf(identity.verify(new Secret(good))), 'not refused');
});
