// A transaction token obtained from a transaction token service: a token exchange like any other, answered with a token that is no
// access token (draft-ietf-oauth-transaction-tokens-10, "Requesting Txn-Tokens").

import { test } from 'tap';
import type { ArmRoute } from '../../src/exchange/plan.ts';
import { corp, refusal, startWorld } from '../support/exchange-world.ts';

const transactionType = 'urn:ietf:params:oauth:token-type:txn_token';

/** A route to a service of the same trust domain, which wants the token in its own header. */
const withinDomain: Partial<ArmRoute> = {
  audience: 'corp.example',
  requestedTokenType: transactionType,
  verify: 'record',
  placement: { kind: 'header', name: 'txn-token', prefix: '' },
};

/** As the draft has it: `token_type` N_A, no actor in the token. */
const service = {
  claims: ({ act: _none, ...claims }: Record<string, unknown>) => ({ ...claims, txn: 'txn-1', req_wl: 'postern-gate' }),
  answer: (answer: Record<string, unknown>) => ({ ...answer, token_type: 'N_A', issued_token_type: transactionType }),
};

test('it is asked for by type, for the trust domain, with scopes', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  issuer.misbehave(service);
  const { broker } = gate({ routes: [withinDomain] });
  const { credential } = await broker.arm(call({ scopes: ['trade.stocks'] }));

  const form = issuer.received[0]?.form;
  t.equal(form?.get('requested_token_type'), transactionType);
  t.equal(form?.get('audience'), 'corp.example');
  t.equal(form?.get('scope'), 'trade.stocks');
  t.strictSame(credential.placement, { kind: 'header', name: 'txn-token', prefix: '' });
  t.match(credential.facts, { audience: 'corp.example', verification: { findings: ['issued_actor_missing'] } });
});

test('a service that names the agent as actor passes strict verification', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  issuer.misbehave({ answer: service.answer });
  const { broker } = gate({ routes: [{ ...withinDomain, verify: 'strict' }] });
  t.match((await broker.arm(call())).credential.facts.verification, { mode: 'strict', findings: [] });
});

test('without an actor in it, strict verification does not let it pass', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  issuer.misbehave(service);
  const { broker } = gate({ routes: [{ ...withinDomain, verify: 'strict' }] });
  t.equal((await refusal(broker.arm(call()))).reason, 'issued_actor_missing');
});

test('it is never taken for an access token, nor one for it', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  issuer.misbehave(service);
  const accessToken = gate({ routes: [{ verify: 'record', audience: 'corp.example' }] });
  t.equal((await refusal(accessToken.broker.arm(call()))).reason, 'issued_token_type_refused');
  issuer.misbehave({ answer: (answer) => ({ ...answer, issued_token_type: `${transactionType}x` }) });
  const other = gate({ routes: [withinDomain] });
  t.equal((await refusal(other.broker.arm(call()))).reason, 'issued_token_type_refused');
});

test('a transaction token can be what is exchanged, and is called what it is', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker } = gate({ exchanges: { corp: corp(issuer, { subject_token_type: 'txn_token' }) } });
  await broker.arm(call());
  t.equal(issuer.received[0]?.form.get('subject_token_type'), transactionType);
});
