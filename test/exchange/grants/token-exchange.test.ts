// RFC 8693 token exchange, parameter by parameter (section 2.1).

import { test } from 'tap';
import { corp, openai, refusal, startWorld } from '../../support/exchange-world.ts';

const jwt = 'urn:ietf:params:oauth:token-type:jwt';

test('resources are repeated, and audience and resource may be mixed', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const resource = ['https://a.example/', 'https://b.example/'];
  await gate({ routes: [{ resource }] }).broker.arm(call());
  t.strictSame(issuer.received[0]?.form.getAll('resource'), resource);
  t.strictSame(issuer.received[0]?.form.getAll('audience'), [openai.audience]);
});

test('nothing asked for, nothing sent: no empty audience, scope or resource', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  await gate({ routes: [{ audience: undefined, verify: 'record' }] }).broker.arm(call({ scopes: [] }));
  for (const name of ['audience', 'resource', 'scope']) t.notOk(issuer.received[0]?.form.has(name), name);
});

test('the actor token can be left out for issuers that refuse one; it still bounds the life', async (t) => {
  const { gate, call, issuer, clock } = await startWorld(t);
  const { broker } = gate({
    exchanges: { corp: corp(issuer, { actor_token: 'omit' }) },
    routes: [{ verify: 'record' }],
  });
  const actor = await issuer.mint('agent', { lifetime: 100 });

  const { credential } = await broker.arm(call({ actor }));

  t.notOk(issuer.received[0]?.form.has('actor_token'));
  t.strictSame(credential.facts.verification, { mode: 'record', findings: ['issued_actor_missing'] });
  clock.pass(80);
  t.equal((await broker.arm(call({ actor }))).cache, 'miss');
});

test('two callers known without a token of their own do not share what was issued for one of them', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker } = gate({ routes: [{ verify: 'record' }] });
  const byPeer = (sub: string) => {
    const base = call();
    const caller = { ...base.caller, sub };
    const actors = [{ iss: caller.iss, sub, claims: {} }];
    return { ...base, caller, actorToken: undefined, chain: { ...base.chain, actors } };
  };

  await broker.arm(byPeer('one'));
  t.equal((await broker.arm(byPeer('two'))).cache, 'miss');
  t.equal(issuer.received.length, 2);
});

test('stated token types and further parameters are sent as configured', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const options = { subject_token_type: 'jwt', actor_token_type: 'jwt', parameters: { connection: 'corp-db' } };
  const { broker } = gate({
    exchanges: { corp: corp(issuer, options) },
    routes: [{ requestedTokenType: jwt }],
  });
  await broker.arm(call());
  const form = Object.fromEntries(issuer.received[0]?.form ?? []);
  t.match(form, { subject_token_type: jwt, actor_token_type: jwt, requested_token_type: jwt, connection: 'corp-db' });
});

test('a chain of agents grows by one at each hop, prior actors verbatim', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const act = { iss: issuer.url, sub: 'planner', act: { sub: 'first' } };
  const subject = await issuer.mint('alice', { act });

  const { credential } = await gate().broker.arm(call({ subject }));

  t.strictSame(
    credential.facts.issued?.actors.map(({ sub }) => sub),
    ['spiffe://corp/ns/research/sa/agent', 'planner', 'first'],
  );
});

test('what the issuer does not accept as subject is for the agent to mend', async (t) => {
  const { gate, call, issuer, clock } = await startWorld(t);
  const subject = await issuer.mint('alice', { lifetime: 60 });
  clock.pass(61);
  const arming = gate().broker.arm(call({ subject }));
  t.match(await refusal(arming), { reason: 'subject_token_rejected', status: 401 });
});
