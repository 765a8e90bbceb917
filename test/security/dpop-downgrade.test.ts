// Attack: an issuer, or somebody between, answers a request for a bound token with one that any thief can use: as `Bearer`, as
// a token of no named type, or bound to a key that is not the gate's. None of them is placed on a request.

import { test } from 'tap';
import { binding } from '../support/dpop-issuer.ts';
import { corp, refusal, startWorld } from '../support/exchange-world.ts';

for (const type of ['Bearer', 'bearer', 'N_A', 'mac', 'DPoP, Bearer', '']) {
  test(`a token of type ${JSON.stringify(type)} is refused`, async (t) => {
    const { issuer, gate, call } = await startWorld(t);
    issuer.misbehave(binding(issuer, { answer: (answer) => ({ ...answer, token_type: type }) }));
    for (const verify of ['strict', 'record'] as const) {
      const { broker } = gate({ exchanges: { corp: corp(issuer, { dpop: true }) }, routes: [{ verify }] });
      t.equal((await refusal(broker.arm(call()))).reason, 'issued_token_type_refused', verify);
    }
  });
}

test('the word is taken in any case, as RFC 6749 section 5.1 has it', async (t) => {
  const { issuer, gate, call } = await startWorld(t);
  issuer.misbehave(binding(issuer, { answer: (answer) => ({ ...answer, token_type: 'dpop' }) }));
  const { broker } = gate({ exchanges: { corp: corp(issuer, { dpop: true }) } });
  t.equal((await broker.arm(call())).credential.placement.kind, 'dpop');
});

test('a token that says it is DPoP and carries no binding, or another one, is refused', async (t) => {
  for (const cnf of [undefined, { jkt: 'A'.repeat(43) }]) {
    const { issuer, gate, call } = await startWorld(t);
    issuer.misbehave(binding(issuer, { claims: (claims) => ({ ...claims, cnf }) }));
    const { broker } = gate({ exchanges: { corp: corp(issuer, { dpop: true }) } });
    t.equal((await refusal(broker.arm(call()))).reason, 'issued_key_mismatch');
  }
});

test('the other way round: a bound token nobody asked for is of no use, and refused', async (t) => {
  const { issuer, gate, call } = await startWorld(t);
  issuer.misbehave({ answer: (answer) => ({ ...answer, token_type: 'DPoP' }) });
  const { broker } = gate();
  t.equal((await refusal(broker.arm(call()))).reason, 'issued_token_type_refused');
});
