// Attack: to read a token from an error. Issuers quote what they did not like ("the token eyJ... is expired"), and some
// echo the whole request. An error description that travels to logs, spans and audit would carry the agent's, the user's
// or the gate's own credential there. Held by taking out what was sent, and whatever else looks like a token.

import { inspect } from 'node:util';
import { test } from 'tap';
import { type Received, sendJson } from '../support/exchange-issuer.ts';
import { recordingObservation } from '../support/exchange-observation.ts';
import { corp, refusal, startWorld } from '../support/exchange-world.ts';

const echoes: Record<string, (received: Received) => Record<string, unknown>> = {
  'the subject token': ({ form }) => ({ error_description: `expired: ${form.get('subject_token')}` }),
  'the actor token in quotes': ({ form }) => ({ error_description: `bad actor token "${form.get('actor_token')}"` }),
  'half a token': ({ form }) => ({ error_description: form.get('subject_token')?.slice(0, 60) }),
  'a token behind a long text': ({ form }) => ({
    error_description: `${'a '.repeat(70)}${form.get('subject_token')}`,
  }),
  'the client secret in the description': () => ({ error_description: 'secret p&ss wörd+ is wrong' }),
  'the client secret of a Basic header': () => ({ error_description: 'secret p&ss wörd+ is wrong' }),
  'the client secret as the code': () => ({ error: 'hunter2-client' }),
  'the whole form': ({ form }) => ({ error_description: form.toString() }),
  'a token as the code': ({ form }) => ({ error: form.get('subject_token')?.slice(0, 40) }),
  'a key of somebody else': () => ({ error_description: 'use sk-live-51H8abcdefghijklmnopqrst instead' }),
};

for (const [what, echo] of Object.entries(echoes)) {
  test(`an issuer echoes ${what}`, async (t) => {
    const { gate, call, issuer, alice, agent } = await startWorld(t);
    const secret = what.endsWith('code') ? 'hunter2-client' : issuer.client.secret;
    const client = {
      id: issuer.client.id,
      auth: what.includes('Basic') ? 'client_secret_basic' : 'client_secret_post',
      secret,
    };
    const { broker, log } = gate({ exchanges: { corp: corp(issuer, { client }) } });
    issuer.misbehave({
      raw: (response, received) => sendJson(response, 400, { error: 'access_denied', ...echo(received) }),
    });
    const observation = recordingObservation();

    const refused = await refusal(broker.arm(call({ observation })));

    const told = [
      inspect(refused, { depth: 9 }),
      JSON.stringify(refused),
      refused.challenge,
      inspect(observation.exchanges, { depth: 9 }),
      inspect(log.lines, { depth: 9 }),
    ].join('\n');
    for (const value of [alice.token, agent.token]) {
      const token = value.reveal();
      t.notOk(told.includes(token));
      t.notOk(told.includes(token.slice(0, 30)));
      t.notOk(told.includes(token.slice(-30)));
    }
    t.notOk(told.includes(secret), 'nor the secret of the client');
    t.notMatch(told, /sk-live/);
  });
}

test('a challenge cannot be left: quotes, backslashes and line breaks of the issuer stay out of our header', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  issuer.misbehave({
    raw: (response) =>
      sendJson(response, 400, {
        error: 'insufficient_user_authentication',
        acr_values: 'x", realm="evil\r\nSet-Cookie: a=b',
        max_age: '1, x=y',
      }),
  });
  const refused = await refusal(gate().broker.arm(call()));
  t.equal(refused.reason, 'step_up_demanded');
  t.equal(refused.challenge, 'error="insufficient_user_authentication"');
});

test('a claims challenge is passed on encoded, and only while it fits a header', async (t) => {
  const { gate, call, issuer, clock } = await startWorld(t);
  const { broker } = gate();
  issuer.misbehave({
    raw: (response) => sendJson(response, 400, { error: 'invalid_grant', claims: '{"x":"\r\n\\""}' }),
  });
  t.match((await refusal(broker.arm(call()))).challenge, /^error="insufficient_claims", claims="[\w+/]+={0,2}"$/);

  clock.pass(5);
  issuer.misbehave({
    raw: (response) => sendJson(response, 400, { error: 'invalid_grant', claims: 'x'.repeat(5_000) }),
  });
  t.equal((await refusal(broker.arm(call()))).challenge, 'error="insufficient_user_authentication"');
});
