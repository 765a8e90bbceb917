// Tokens bound to the gate's key, from a real issuer to an upstream that verifies every proof (RFC 9449). Agents notice nothing.

import { test } from 'tap';
import { boundExchange, seen, startDpop } from '../support/dpop-world.ts';
import { gateClient } from '../support/e2e-issuer.ts';
import { tokens } from '../support/e2e-tokens.ts';
import { onlyCall } from '../support/e2e-world.ts';
import { claimsOf } from '../support/sts-issuer.ts';

test('an agent calls as ever, and the upstream gets a bound token with its proof', async (t) => {
  const world = await startDpop(t);
  const answer = await world.call('/api/tickets?open=1', { method: 'POST', body: '{}' });
  t.equal(answer.status, 200, world.faults.join());
  const { token } = seen(world);
  const { cnf, act, sub } = claimsOf(token);
  t.match(cnf, { jkt: /^[\w-]{43}$/ });
  t.match({ act, sub }, { act: { sub: 'agent:planner' }, sub: 'user:alice' }, 'who acts for whom is in it as ever');

  const { records, spans } = await world.end();
  const { jkt } = Object(cnf);
  t.match(onlyCall(records), { event: 'postern.access.allowed', credential: { bound_to: jkt } });
  t.notMatch(JSON.stringify([records, spans, world.log]), token, 'told nowhere');
});

test('the credential is cached, every call proves anew', async (t) => {
  const world = await startDpop(t);
  const both = await tokens(world);
  for (let i = 0; i < 3; i += 1) t.equal((await world.call(`/api/${i}`, both)).status, 200, world.faults.join());
  const got = world.upstream.received.map(({ headers }) => headers.authorization);
  t.equal(new Set(got).size, 1, 'one token');
  t.equal(new Set(world.upstream.received.map(({ headers }) => headers['dpop'])).size, 3, 'three proofs');
});

test('a nonce of the upstream is followed, and a newer one', async (t) => {
  const world = await startDpop(t);
  world.demand('nonce-of-the-upstream');
  const answer = await world.call('/api/a', { method: 'PUT', body: '{}' });
  t.equal(answer.status, 200, world.faults.join());
  t.equal(answer.headers.get('dpop-nonce'), null);
  t.strictSame(world.faults, ['nonce is undefined']);
  world.demand('a-newer-one');
  t.equal((await world.call('/api/b')).status, 200);
  t.equal((await world.call('/api/c')).status, 200);
  t.strictSame(world.faults, ['nonce is undefined', 'nonce is nonce-of-the-upstream'], 'learnt once each');
});

test("the gate's own credentials can be bound too", async (t) => {
  const world = await startDpop(t, (places) => ({
    exchanges: {
      corp: boundExchange(places, {
        grant: 'client_credentials',
        client: { ...gateClient, auth: 'client_secret_post' },
      }),
    },
    routes: [
      {
        ...{ name: 'api', path: '/api', upstream: places.upstream.url, exchange: 'corp', audience: 'postern' },
        allow: [{ id: 'anyone' }],
      },
    ],
  }));
  t.equal((await world.call('/api/a')).status, 200, world.faults.join());
});

test('a reload makes another key, and calls go on', async (t) => {
  const world = await startDpop(t);
  await world.call('/api/a');
  const before = claimsOf(seen(world).token)['cnf'];
  await world.app.reload();
  t.equal((await world.call('/api/a')).status, 200, world.faults.join());
  t.notSame(claimsOf(seen(world).token)['cnf'], before);
});
