// Attack: a transaction token used as an access token. It travels through every service of its trust domain, so any of them could
// take it out of Txn-Token and present it as a bearer token, here or beyond; and any could put another token in its place. Where it
// was seen before must not matter either: what one verifier remembers is no answer for the other.

import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { agentSub, identityWorld, presenting, reasonOf, stripped } from '../support/identity-world.ts';

const domain = 'corp.example';

test('never from Authorization or any other slot, before and after it was accepted in its own', async (t) => {
  const { identity, issuer } = await identityWorld(t, {
    trust: ({ url }) => [
      { name: 'corp', issuer: url, audiences: ['postern', domain], principal: 'any', workload_when: workload },
      { name: 'domain', accept: 'txn_token', issuer: url, audiences: [domain], principal: 'user', callers: ['corp'] },
    ],
  });
  // The same issuer makes both kinds, both for this gate's names: only the kind tells them apart.
  const claims = { aud: domain, txn: 'txn-1', scope: 'trade', req_wl: 'gateway', may_act: { sub: agentSub } };
  const transaction = await issuer.mint(claims, { typ: 'txntoken+jwt' });
  const own = await issuer.mint({ sub: agentSub });
  const inItsPlace = stripped(['authorization', `Bearer ${own}`, 'txn-token', transaction]);
  const misplaced = {
    'as bearer': presenting(transaction),
    'as bearer beside a subject': presenting(transaction, await issuer.mint()),
    'as subject token': presenting(own, transaction),
    'as api key': stripped(['x-api-key', transaction]),
    'in both': stripped(['authorization', `Bearer ${transaction}`, 'txn-token', transaction]),
  };
  for (const round of ['before', 'after']) {
    for (const [story, call] of Object.entries(misplaced)) {
      t.equal(await reasonOf(identity.identify(call)), 'token_type_refused', `${story}, ${round}`);
    }
    t.equal(await reasonOf(identity.receive(presenting(transaction))), 'token_type_refused', `to the agent, ${round}`);
    t.equal(await reasonOf(identity.identify(inItsPlace)), 'not refused', `and in its own place, ${round}`);
  }

  const access = await issuer.mint({ ...claims, aud: ['postern', domain] });
  t.equal(await reasonOf(identity.verify(new Secret(access))), 'not refused');
  const swapped = stripped(['authorization', `Bearer ${own}`, 'txn-token', access]);
  t.match(await reasonOf(identity.identify(swapped)), /token_type_refused|token_audience_mismatch/);
});

const workload = 'claims.sub.startsWith("spiffe://")';

test('it does not leave the gate', async (t) => {
  for (const name of ['Txn-Token', 'TXN-TOKEN', 'txn_token']) {
    const { headers, presented } = stripped([name, 'eyJ.a.b', 'accept', '*/*', 'connection', name]);
    t.strictSame(headers, ['accept', '*/*'], name);
    t.equal(presented[0]?.slot, 'header:txn-token');
  }
});
