// Transaction tokens: accepted from their own header, for the configured trust domain, from a workload of that domain.

import { type Test, test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { createStrip } from '../../src/identity/strip.ts';
import { startIssuer, startSeconds, type TestIssuer } from '../support/identity-issuer.ts';
import { agentSub, arrive, identityWorld, reasonOf, stripped, type World } from '../support/identity-world.ts';

const domain = 'trust-domain.corp.example';

interface DomainWorld extends World {
  /** The transaction token service. */
  readonly service: TestIssuer;
  /** A valid transaction token of alice, with these changes; undefined leaves a member out. */
  transaction(claims?: object, header?: object): Promise<string>;
  own(changes?: object): Promise<string>;
}

async function domainWorld(t: Test, mode: 'shared' | 'sidecar' = 'shared', more: object = {}): Promise<DomainWorld> {
  const service = await startIssuer(t);
  let own = '';
  const world = await identityWorld(t, {
    trust: ({ url }) => [
      { name: 'corp', issuer: url, audiences: ['postern'], principal: 'workload' },
      { name: 'partner', issuer: url, audiences: ['gate.partner'], principal: 'workload' },
      {
        ...{ name: 'domain', accept: 'txn_token', issuer: service.url, audiences: [domain] },
        ...{ principal: 'user', callers: ['corp', 'spiffe://corp'], ...more },
      },
    ],
    ...(mode === 'shared' ? {} : { identity: { mode, token_file: '/token' }, readFile: async () => own }),
  });
  own = await world.issuer.mint({ sub: agentSub, jti: 'own' });
  return {
    ...world,
    service,
    transaction: (claims = {}, header = {}) =>
      service.mint(
        { iss: undefined, aud: domain, txn: 'txn-1', scope: 'trade.stocks', req_wl: 'apigateway.corp', ...claims },
        { typ: 'txntoken+jwt', ...header },
      ),
    own: (changes = {}) => world.issuer.mint({ sub: agentSub, jti: 'own', ...changes }),
  };
}

const carrying = (transaction: string, own?: string) =>
  stripped([...(own === undefined ? [] : ['Authorization', `Bearer ${own}`]), 'Txn-Token', transaction]);

test('a workload of the domain acts in its transaction', async (t) => {
  const { identity, transaction, own, service } = await domainWorld(t);
  const known = await identity.identify(carrying(await transaction(), await own()));
  t.match(known, {
    binding: 'trust_domain',
    caller: { sub: agentSub },
    subject: { sub: 'alice', iss: service.url, kind: 'user' },
    subjectToken: { txn: 'txn-1', scopes: ['trade.stocks'], trust: 'domain' },
    actorToken: { jti: 'own' },
  });
  t.equal(known.chain.rootId, 'txn-1', 'its txn joins every hop of it');
  t.match(known.chain.actors, [{ sub: agentSub }]);
  t.strictSame(known.headers, [], 'and it goes no further');
});

test('a txn that says there is none joins nothing', async (t) => {
  const { identity, transaction, own } = await domainWorld(t);
  const rootOf = async () =>
    (await identity.identify(carrying(await transaction({ txn: 'N_A' }), await own()))).chain.rootId;
  t.not(await rootOf(), await rootOf());
});

test('who belongs to a domain is checked at load', async (t) => {
  const { problems } = await domainWorld(t, 'shared', { callers: ['corp', 'domain', 'nobody', 'spiffe://x'] });
  t.match(problems, [{ path: ['trust', 2, 'callers', 1] }, { path: ['trust', 2, 'callers', 2], what: /nobody/ }]);
});

test('in a sidecar the agent needs nothing besides', async (t) => {
  const { identity, transaction, own } = await domainWorld(t, 'sidecar');
  const token = await transaction();
  for (const call of [carrying(token), carrying(token, 'placeholder'), carrying(token, await own({ jti: 'mine' }))]) {
    const known = await identity.identify(call);
    t.match(known, { binding: 'trust_domain', caller: { sub: agentSub }, actorToken: { jti: 'own' } });
  }
});

test('a caller known by certificate belongs by its SPIFFE trust domain', async (t) => {
  const { identity, transaction } = await domainWorld(t);
  const strip = createStrip();
  const token = await transaction();
  const from = (spiffeId: string) => identity.identify(strip(arrive(['Txn-Token', token], '/', spiffeId)));
  t.match(await from('spiffe://corp/ns/a'), { binding: 'trust_domain', caller: { sub: 'spiffe://corp/ns/a' } });
  t.equal(await reasonOf(from('spiffe://corp.evil/ns/a')), 'actor_not_bound');
});

test("it proves no caller, and serves no other domain's workloads", async (t) => {
  const { identity, transaction, own } = await domainWorld(t);
  t.equal(await reasonOf(identity.identify(carrying(await transaction()))), 'caller_not_authenticated');
  const partner = await own({ aud: ['gate.partner'] });
  t.equal(await reasonOf(identity.identify(carrying(await transaction(), partner))), 'actor_not_bound');
  const bound = await transaction({ may_act: { sub: 'spiffe://corp/other' } });
  t.equal(await reasonOf(identity.identify(carrying(bound, await own()))), 'may_act_mismatch');
});

test('the draft says what a transaction token is; anything else is none', async (t) => {
  const { identity, transaction, own, issuer } = await domainWorld(t);
  const caller = await own();
  const refused = async (token: Promise<string>) => reasonOf(identity.identify(carrying(await token, caller)));
  t.equal(await refused(transaction({}, { typ: 'application/txntoken+jwt' })), 'not refused');
  t.equal(await refused(transaction({}, { typ: 'at+jwt' })), 'token_type_refused');
  t.equal(await refused(transaction({}, { typ: undefined })), 'token_type_refused');
  t.equal(await refused(transaction({ aud: 'other.example' })), 'token_audience_mismatch');
  t.equal(await refused(transaction({ aud: [domain, 'other.example'] })), 'token_audience_mismatch');
  t.equal(await refused(transaction({ aud: 'postern' })), 'token_audience_mismatch', 'another entry, another kind');
  t.equal(await refused(transaction({ iss: 'https://other.example' })), 'token_issuer_unknown');
  for (const claim of ['txn', 'scope', 'req_wl', 'iat']) {
    t.equal(await refused(transaction({ [claim]: undefined })), 'token_claims_invalid', claim);
  }
  t.equal(await refused(transaction({ req_wl: ['a', 'b'] })), 'token_claims_invalid', 'one workload asked for it');
  t.equal(await refused(transaction({ sub: undefined })), 'token_claims_invalid');
  t.equal(
    await refused(transaction({ exp: startSeconds + 7_200 })),
    'token_claims_invalid',
    'hours are no transaction',
  );
  t.equal(await refused(transaction({ iat: startSeconds - 900, exp: startSeconds - 600 })), 'token_expired');
  const forged = await issuer.mint(
    { iss: undefined, aud: domain, txn: 't', scope: 's', req_wl: 'w' },
    { typ: 'txntoken+jwt' },
  );
  t.match(await refused(Promise.resolve(forged)), /token_signature_invalid|token_key_unknown/, 'not by another issuer');
});

test('there is exactly one, and it is the only subject', async (t) => {
  const { identity, transaction, own, issuer } = await domainWorld(t);
  const [token, caller] = [await transaction(), await own()];
  const bearer = ['Authorization', `Bearer ${caller}`];
  const reason = (headers: readonly string[]) => reasonOf(identity.identify(stripped([...bearer, ...headers])));
  t.equal(await reason(['Txn-Token', token, 'txn_token', token]), 'token_ambiguous');
  t.equal(await reason(['Txn-Token', `${token}, ${token}`]), 'token_malformed');
  t.equal(await reason(['Txn-Token', token, 'Postern-Subject-Token', await issuer.mint()]), 'token_ambiguous');
});

test('a gate without trust domains does not judge the header, and passes it on to nobody', async (t) => {
  const { issuer, identity } = await identityWorld(t);
  const call = carrying('anything', await issuer.mint({ sub: agentSub }));
  t.match(await identity.identify(call), { binding: 'self', headers: [] });
});

test('who calls the agent within the domain proves itself besides', async (t) => {
  const { identity, transaction, own } = await domainWorld(t, 'sidecar');
  const receive = (call: ReturnType<typeof carrying>) => identity.receive(call);
  t.equal(await reasonOf(receive(carrying(await transaction()))), 'caller_not_authenticated');
  const known = await receive(carrying(await transaction(), await own({ sub: 'spiffe://corp/front' })));
  t.match(known, { binding: 'trust_domain', caller: { sub: 'spiffe://corp/front' }, subject: { sub: 'alice' } });
});

test('the verifier for access tokens knows nothing of them', async (t) => {
  const { identity, transaction } = await domainWorld(t);
  t.equal(await reasonOf(identity.verify(new Secret(await transaction()))), 'token_type_refused');
});
