// Attack: to read a token out of an error. Vendors tell their errors in maps, strings and lists of numbers, and some quote the
// assertion they did not like; a hostile or careless one quotes it in the code, the message, the request id or the claims
// challenge that goes to the client. Held by taking out what was sent, in every shape that is read.

import { inspect } from 'node:util';
import { test } from 'tap';
import { anthropic, entraOnBehalfOf, google, openai, startFederation } from '../support/exchange-federation.ts';
import { recordingObservation } from '../support/exchange-observation.ts';
import { googleAccount } from '../support/exchange-vendors/google.ts';
import type { VendorServer } from '../support/exchange-vendors/vendor-server.ts';
import { refusal } from '../support/exchange-world.ts';

/** Each takes what was sent and answers with it. */
const echoes: Record<string, (sent: string) => object> = {
  'a message in a map': (sent) => ({ type: 'error', error: { type: 'authentication_error', message: `bad: ${sent}` } }),
  'the type of a map': (sent) => ({ error: { type: sent.slice(0, 60), message: '' } }),
  'the code of a map': (sent) => ({ error: { code: sent.slice(0, 60), message: 'x' } }),
  'the status of a map': (sent) => ({ error: { code: 403, status: sent.slice(0, 60), message: sent } }),
  'a description': (sent) => ({ error: 'invalid_grant', error_description: `${'a '.repeat(90)}${sent}` }),
  'a claims challenge': (sent) => ({ error: 'interaction_required', claims: JSON.stringify({ quoted: sent }) }),
  'an acr challenge': (sent) => ({ error: 'interaction_required', acr_values: sent.slice(0, 200) }),
};

const kinds = { anthropic, openai, entraOnBehalfOf };

for (const [name, kind] of Object.entries(kinds)) {
  for (const [what, echo] of Object.entries(echoes)) {
    test(`${name} echoes the subject token in ${what}`, async (t) => {
      // Each kind has its own emulator; what is used of it is common to all.
      const { gate, call, vendor, alice } = await startFederation<VendorServer>(t, kind as never);
      const token = alice.token.reveal();
      vendor.answerWith((response) => {
        response.writeHead(400, { 'content-type': 'application/json', 'request-id': token.slice(0, 60) });
        response.end(JSON.stringify(echo(token)));
      });
      const observation = recordingObservation();
      const { broker, log } = gate();

      const refused = await refusal(broker.arm(call({ observation })));

      const claims = /claims="([^"]*)"/.exec(refused.challenge ?? '')?.[1] ?? '';
      const told = [refused, observation.exchanges, log.lines, broker.status()]
        .map((value) => inspect(value, { depth: 9 }))
        .concat(JSON.stringify(refused), refused.challenge ?? '', atob(claims));
      for (const part of [token, token.slice(0, 40), token.slice(-40)]) {
        t.notOk(told.some((text) => text.includes(part)));
      }
    });
  }
}

test('the federated token, quoted by the service that gives the service account’s', async (t) => {
  const { gate, call, vendor } = await startFederation(t, google);
  const federated = 'ya29.d.CANARY-federated-token';
  vendor.answerWith((response, { path }) => {
    const first = path === '/v1/token';
    const body = first
      ? { access_token: federated, token_type: 'Bearer', expires_in: 60 }
      : { error: { code: 401, status: 'UNAUTHENTICATED', message: `no: ${federated}` } };
    response.writeHead(first ? 200 : 401, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  const refused = await refusal(gate({ service_account: googleAccount }).broker.arm(call()));
  t.notMatch(inspect(refused, { depth: 9 }), /CANARY/);
});
