// Attack: a token that the gate obtained is stolen: by an upstream that passes it on, from a log of the upstream's, from a
// dump. As it is bound to a key that never left the gate, it opens nothing: not as a bearer token, not with a key of the
// thief's, not at the gate, not at the issuer.

import { createHash } from 'node:crypto';
import { test } from 'tap';
import { createProver } from '../support/dpop-proofs.ts';
import { seen, startDpop } from '../support/dpop-world.ts';
import { calls, told } from '../support/e2e-world.ts';

test('the upstream takes it neither as a bearer token nor with another key', async (t) => {
  const world = await startDpop(t);
  await world.call('/api/a');
  const { token, url } = seen(world);
  const thief = await createProver(world.clock);
  const ath = createHash('sha256').update(token).digest('base64url');
  const attempts = [
    { authorization: `Bearer ${token}` },
    { authorization: `DPoP ${token}` },
    { authorization: `DPoP ${token}`, dpop: await thief.proof('GET', url, { claims: { ath } }) },
  ];
  for (const headers of attempts) t.equal((await fetch(url, { headers })).status, 401);
  t.strictSame(world.faults, ['not presented as DPoP', 'no proof', 'bound to another key']);
});

test("the gate does not take it as an agent's own token, whomever it is for", async (t) => {
  const world = await startDpop(t, ({ issuer }) => ({
    trust: [
      {
        ...{ name: 'corp', issuer: issuer.issuer, jwks_uri: issuer.jwksUri, principal: 'any' },
        audiences: ['postern', 'api', 'agent:planner'],
        workload_when: 'claims.sub_profile == "ai_agent"',
      },
    ],
  }));
  await world.call('/api/a');
  const { token } = seen(world);
  const withProof = { authorization: `DPoP ${token}`, dpop: 'whatever it may be' };
  for (const presented of [
    { agent: token, user: null },
    { user: token },
    { agent: null, user: null, headers: withProof },
  ]) {
    t.strictSame(told(await world.call('/api/a', presented)), [401, 'credential_invalid']);
  }
  const { records } = await world.end();
  t.match(
    calls(records)
      .slice(1)
      .map((record) => JSON.stringify(record)),
    Array.from({ length: 3 }, () => /token_sender_constrained/),
  );
});

test('nothing the gate shows holds the key', async (t) => {
  const world = await startDpop(t);
  await world.call('/api/a');
  const pages = await Promise.all(
    ['/routes', '/metrics', '/readyz'].map(async (path) => (await fetch(`${world.app.adminUrl}${path}`)).text()),
  );
  const { records, spans } = await world.end();
  t.notMatch(JSON.stringify([pages, records, spans, world.log, world.upstream.received]), /\\*"d\\*":/);
});
