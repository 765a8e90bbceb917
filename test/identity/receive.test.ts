// Who calls the agent, as its sidecar sees it: one bearer token, made for this agent, that names subject and actors.

import { test } from 'tap';
import type { ReceiveRules } from '../../src/identity/receive.ts';
import { presenting, reasonOf, sidecarWorld, stripped } from '../support/identity-world.ts';

const optional: ReceiveRules = { on_behalf_of: 'optional' };

test('the token says who, for whom and through whom', async (t) => {
  const { identity, issuer } = await sidecarWorld(t);
  const user = await identity.receive(presenting(await issuer.mint({ jti: 'u' })));
  t.match(user, { binding: 'bearer', caller: { sub: 'alice', kind: 'user' }, subject: { sub: 'alice' } });
  t.strictSame(user.chain.actors, []);

  const act = { sub: 'spiffe://corp/planner', iss: issuer.url, act: { sub: 'spiffe://corp/front' } };
  const delegated = await identity.receive(presenting(await issuer.mint({ act })));
  t.match(delegated, { caller: { sub: 'spiffe://corp/planner', kind: 'workload' }, subject: { sub: 'alice' } });
  t.match(delegated.chain, { actors: [{ sub: 'spiffe://corp/planner' }, { sub: 'spiffe://corp/front' }] });
  t.match(delegated.chain.prior, [{ sub: 'spiffe://corp/front' }]);
});

test('only Authorization: Bearer counts, and only one token', async (t) => {
  const { identity, issuer } = await sidecarWorld(t);
  const [token, other] = [await issuer.mint(), await issuer.mint({ sub: 'bob' })];
  const bearer = ['Authorization', `Bearer ${token}`];
  const receive = (headers: readonly string[], target?: string) =>
    reasonOf(identity.receive(stripped(headers, target)));

  t.equal(await receive(bearer), 'not refused');
  t.equal(await receive([...bearer, ...bearer]), 'not refused', 'the same twice is one');
  t.equal(await receive([...bearer, 'Authorization', `Bearer ${other}`]), 'token_ambiguous');
  t.equal(await receive([...bearer, 'Postern-Subject-Token', other]), 'token_ambiguous');
  t.equal(await receive([]), 'token_missing');
  t.equal(await receive(['x-api-key', token]), 'token_missing');
  t.equal(await receive([], `/?access_token=${token}`), 'token_missing');
  t.equal(await receive(['Authorization', `Basic ${btoa(`alice:${token}`)}`]), 'token_missing');
  t.equal(await receive(['Authorization', 'Bearer placeholder']), 'token_malformed', 'here no word will do');
});

test('a token made for others is refused', async (t) => {
  const inbound = { inbound: { ...optional, audiences: ['agent:researcher'] } };
  const { identity, issuer } = await sidecarWorld(t, {
    inbound,
    trust: () => ({ audiences: ['postern', 'agent:researcher'] }),
  });
  const receive = async (claims: object) => reasonOf(identity.receive(presenting(await issuer.mint({ ...claims }))));
  t.equal(await receive({ aud: ['agent:researcher'] }), 'not refused');
  t.equal(await receive({ aud: ['postern'] }), 'token_audience_mismatch', 'good on the way out, not for this agent');
  t.equal(await receive({ aud: ['agent:writer'] }), 'token_audience_mismatch');
  t.equal(await receive({ aud: ['agent:researcher'], exp: 2, iat: 1 }), 'token_expired');
});

test('only named trust entries may send callers', async (t) => {
  const { identity, issuer, problems } = await sidecarWorld(t, {
    inbound: { inbound: { ...optional, trust: ['people', 'nobody'] } },
    trust: ({ url }) => [
      { name: 'people', issuer: url, audiences: ['researcher'], principal: 'user' },
      { name: 'corp', issuer: url, audiences: ['postern'], principal: 'workload' },
    ],
  });
  t.match(problems, [{ path: ['inbound', 'trust', 1], what: /nobody/ }]);
  const receive = async (aud: string) => reasonOf(identity.receive(presenting(await issuer.mint({ aud }))));
  t.equal(await receive('researcher'), 'not refused');
  t.equal(await receive('postern'), 'token_issuer_unknown');
});

test('on_behalf_of decides whether workloads may call for themselves', async (t) => {
  const ask = async (rule: ReceiveRules['on_behalf_of']) => {
    const { identity, issuer } = await sidecarWorld(t, { inbound: { inbound: { on_behalf_of: rule } } });
    const act = { sub: 'spiffe://corp/planner', iss: issuer.url };
    const receive = async (claims: object) => reasonOf(identity.receive(presenting(await issuer.mint({ ...claims }))));
    return [
      await receive({ sub: 'spiffe://corp/planner' }),
      await receive({ sub: 'alice' }),
      await receive({ sub: 'alice', act }),
      await receive({ sub: 'spiffe://corp/nightly', act }),
    ];
  };
  const passes = 'not refused';
  t.strictSame(await ask('required'), ['subject_missing', passes, passes, 'subject_not_a_user']);
  t.strictSame(await ask('required_any'), ['subject_missing', passes, passes, passes]);
  t.strictSame(await ask('optional'), [passes, passes, passes, passes]);
  t.strictSame(await ask('never'), [passes, 'subject_not_allowed', 'subject_not_allowed', 'subject_not_allowed']);
});

test('a handle is no token here', async (t) => {
  const { identity, issuer, custody } = await sidecarWorld(t);
  const known = await identity.receive(presenting(await issuer.mint()));
  const { handle } = custody.handles.hold(known.subjectToken, { ttlMs: 60_000 });
  const call = stripped(['Authorization', `Bearer ${handle.reveal()}`]);
  t.equal(await reasonOf(identity.receive(call)), 'token_malformed');
});
