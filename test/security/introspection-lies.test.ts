// Attack: an opaque token says nothing, so whoever answers for it decides who the call is made for: a bent or outdated issuer,
// or one that leaves out what it does not care about, could turn it into another user's, a wider or a revoked one. Held by
// taking the answer as strictly as a JWT: typed, bounded, compared with what was asked; inactive is inactive.

import { test } from 'tap';
import type { Reason } from '../../src/base/errors.ts';
import { corp, refusal, startWorld } from '../support/exchange-world.ts';

const stories: Record<string, [(answer: Record<string, unknown>) => unknown, Reason]> = {
  'not active': [() => ({ active: false }), 'issued_token_inactive'],
  'not active, whatever else': [(answer) => ({ ...answer, active: false }), 'issued_token_inactive'],
  'another subject': [(answer) => ({ ...answer, sub: 'bob' }), 'issued_subject_changed'],
  'another audience': [(answer) => ({ ...answer, aud: 'https://elsewhere' }), 'issued_audience_mismatch'],
  'no audience': [({ aud: _, ...answer }) => answer, 'issued_audience_mismatch'],
  'no act, as Keycloak (keycloak#53029)': [({ act: _, ...answer }) => answer, 'issued_actor_missing'],
  'a wider scope': [(answer) => ({ ...answer, scope: 'model.invoke admin' }), 'issued_scope_widened'],
  'already over': [(answer) => ({ ...answer, exp: 1 }), 'issued_token_expired'],
  'active as a word': [(answer) => ({ ...answer, active: 'true' }), 'issuer_answer_malformed'],
  'no word on activity': [({ active: _, ...answer }) => answer, 'issuer_answer_malformed'],
  'an audience of another type': [(answer) => ({ ...answer, aud: { x: 1 } }), 'issuer_answer_malformed'],
  'an end of another type': [(answer) => ({ ...answer, exp: 'soon' }), 'issuer_answer_malformed'],
  'a list': [() => [], 'issuer_answer_malformed'],
};

for (const [what, [introspection, reason]] of Object.entries(stories)) {
  test(`refused: ${what}`, async (t) => {
    const { gate, call, issuer } = await startWorld(t);
    const { broker } = gate({ exchanges: { corp: corp(issuer, { introspect: {} }) } });
    issuer.misbehave({ opaque: true, introspection });
    t.equal((await refusal(broker.arm(call()))).reason, reason);
    t.equal(broker.stats().entries, 0);
  });
}

test('what the introspection endpoint echoes is not told', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker } = gate({ exchanges: { corp: corp(issuer, { introspect: {} }) } });
  issuer.misbehave({ opaque: true, introspection: (answer) => ({ ...answer, active: 'CANARY' }) });
  t.notMatch((await refusal(broker.arm(call()))).detail, /CANARY|opaque-/);
});
