// Pseudonyms: the same user is the same pseudonym, another issuer's user of that name is another, and no key, no guess.

import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { createNaming, createPseudonym } from '../../src/telemetry/pseudonym.ts';
import { user, workload } from '../support/telemetry-calls.ts';

const key = new Secret('a key for this test only');

test('one user, one key, one pseudonym', (t) => {
  const pseudonym = createPseudonym(key);
  t.equal(pseudonym(user), createPseudonym(key)(user));
  t.equal(pseudonym(user), pseudonym({ ...user, claims: { fresh: true } }));
  t.not(pseudonym(user), pseudonym({ ...user, iss: 'https://other.example.com' }), 'sub alone is nobody');
  t.not(pseudonym(user), createPseudonym(new Secret('another key, as long as it'))(user));
  t.not(createPseudonym(undefined)(user), createPseudonym(undefined)(user), 'random keys differ');
  t.end();
});

test('issuer and sub cannot be shifted into each other', (t) => {
  const pseudonym = createPseudonym(key);
  t.not(pseudonym({ ...user, iss: 'a', sub: 'bc' }), pseudonym({ ...user, iss: 'ab', sub: 'c' }));
  t.not(pseudonym({ ...user, iss: '1:a', sub: 'b' }), pseudonym({ ...user, iss: '1', sub: ':ab' }));
  t.end();
});

test('a name on a span', (t) => {
  const pseudonym = createPseudonym(key);
  t.equal(createNaming('pseudonymous', pseudonym)(user), `user:${pseudonym(user)}`);
  t.equal(createNaming('raw', pseudonym)(user), `user:${user.sub}`);
  t.equal(createNaming('omit', pseudonym)(user), undefined);
  t.equal(createNaming('omit', pseudonym)(workload('spiffe://a/b')), 'spiffe://a/b');
  t.end();
});
