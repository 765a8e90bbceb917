// Attack: an issuer (misconfigured, outdated, or bent) returns another token than it was asked for: it drops the chain
// (Keycloak standard exchange issues no `act`; dropping actor_token bypasses may_act, keycloak#52691), widens scope or
// audience, or swaps the user. The upstream would accept it. Held by comparing every issued token with what was asked.

import type { JWTPayload } from 'jose';
import { test } from 'tap';
import { recordingObservation } from '../support/exchange-observation.ts';
import { corp, refusal, startWorld } from '../support/exchange-world.ts';

const bent: Record<string, [(claims: JWTPayload) => JWTPayload, string]> = {
  'drops the chain': [({ act: _, ...claims }) => claims, 'issued_actor_missing'],
  'makes the user its own actor': [(claims) => ({ ...claims, act: { sub: 'alice' } }), 'issued_actor_missing'],
  'swaps the user': [(claims) => ({ ...claims, sub: 'root' }), 'issued_subject_changed'],
  'widens the scope': [(claims) => ({ ...claims, scope: 'model.invoke admin' }), 'issued_scope_widened'],
  'means it for somebody else': [(claims) => ({ ...claims, aud: ['https://other'] }), 'issued_audience_mismatch'],
  'grants ten years': [(claims) => ({ ...claims, exp: Number(claims.exp) + 3e8 }), 'issued_lifetime_too_long'],
};

for (const [what, [claims, reason]] of Object.entries(bent)) {
  test(`strict: an issuer that ${what} arms nothing`, async (t) => {
    const { gate, call, issuer } = await startWorld(t);
    const { broker } = gate({ routes: [{ tokenTtlMs: 600_000 }] });
    issuer.misbehave({ claims, answer: ({ expires_in: _, ...answer }) => answer });
    const observation = recordingObservation();

    const refused = await refusal(broker.arm(call({ observation })));

    t.equal(refused.reason, reason);
    t.equal(refused.status, 502);
    t.equal(observation.exchanges[0]?.refusal, refused, 'and its span says so');
    t.equal(broker.stats().entries, 0);
  });

  test(`record: an issuer that ${what} is let pass, and told of`, async (t) => {
    const { gate, call, issuer } = await startWorld(t);
    const { broker } = gate({ routes: [{ tokenTtlMs: 600_000, verify: 'record' }] });
    issuer.misbehave({ claims, answer: ({ expires_in: _, ...answer }) => answer });
    const { credential } = await broker.arm(call());
    t.strictSame(credential.facts.verification, { mode: 'record', findings: [reason] });
  });
}

test('an opaque token is refused where it should be compared, and let pass where somebody chose so', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  issuer.misbehave({ answer: (answer) => ({ ...answer, access_token: 'opaque-1' }) });

  t.equal((await refusal(gate().broker.arm(call()))).reason, 'issued_token_unreadable');

  const { credential } = await gate({ routes: [{ verify: 'record' }] }).broker.arm(call());
  t.equal(credential.secret?.reveal(), 'opaque-1');
  t.strictSame(credential.facts.verification, { mode: 'record', findings: ['opaque'] });
  t.equal(credential.facts.issued, undefined);
});

test('what one route only records does not reach a strict route by the cache', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker } = gate({ routes: [{ id: 'lenient', verify: 'record' }, { id: 'openai' }] });
  issuer.misbehave({ claims: ({ act: _, ...claims }) => claims });
  await broker.arm(call({ route: 'lenient' }));
  t.equal((await refusal(broker.arm(call()))).reason, 'issued_actor_missing');
});

for (const grant of ['token_exchange', 'client_credentials']) {
  test(`${grant}: a refresh token is never taken for a credential`, async (t) => {
    const { gate, call, issuer } = await startWorld(t);
    const { broker } = gate({ exchanges: { corp: corp(issuer, { grant }) }, routes: [{ verify: 'record' }] });
    issuer.misbehave({
      answer: (answer) => ({ ...answer, issued_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }),
    });
    t.equal((await refusal(broker.arm(call()))).reason, 'issued_token_type_refused');
  });
}
