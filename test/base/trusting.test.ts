// What TLS connections share: authorities are read once, and a client certificate never serves a connection of somebody else.

import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { trusting } from '../../src/base/trusting.ts';
import { certificateNamed } from '../support/exchange-tls.ts';
import { tlsCert } from '../support/forwarding-upstream.ts';

const named = certificateNamed('gate-1');
const pair = {
  chain: named.certificate,
  key: new Secret(named.key),
  fingerprint: named.fingerprint,
  expiresAt: Number.POSITIVE_INFINITY,
};

test('connections that trust the same list share what was read from it', async (t) => {
  const ca = [tlsCert];
  t.equal(trusting(ca), trusting(ca));
  t.equal(trusting(), trusting(), 'also where nothing is added to the authorities of the runtime');
});

test('a list read anew is trusted anew', async (t) => {
  t.not(trusting([tlsCert]), trusting([tlsCert]));
});

test('what shows a certificate is shared with nothing', async (t) => {
  const ca = [tlsCert];
  t.not(trusting(ca, pair), trusting(ca));
  t.not(trusting(ca, pair), trusting(ca, pair));
  t.equal(trusting(ca), trusting(ca));
});
