// What an agent is told when its exchange fails: whether to come back, to sign in anew or to give up; and what is served
// meanwhile from credentials that are still valid.

import { test } from 'tap';
import { answering } from '../support/e2e-issuer.ts';
import { tokens } from '../support/e2e-tokens.ts';
import { calls, startE2e, told } from '../support/e2e-world.ts';
import { clockAt, start } from '../support/sts-issuer.ts';

test('issuer down: 503 with a time to come back, nothing forwarded; and served again once it is back', async (t) => {
  const clock = clockAt(start);
  const world = await startE2e(t, { clock });
  const same = await tokens(world);
  await world.app.readiness();
  world.issuer.setDown(true);
  const answer = await world.call('/api', same);
  t.strictSame(told(answer), [503, 'credential_unavailable']);
  t.match(answer.headers.get('retry-after'), /^[1-9]\d*$/);
  t.equal(answer.headers.get('content-type'), 'application/problem+json');
  t.match(await answer.json(), { status: 503, code: 'credential_unavailable' });
  t.strictSame(world.upstream.received, []);

  world.issuer.setDown(false);
  clock.advance(2);
  t.equal((await world.call('/api', same)).status, 200);
  t.match(calls((await world.end()).records), [{ reason: 'issuer_unreachable', decision: 'error' }, { status: 200 }]);
});

test('issuer down: a credential that is still valid serves on, one that is not is never used', async (t) => {
  const clock = clockAt(start);
  const world = await startE2e(t, { clock });
  const same = await tokens(world, 600);
  await world.call('/api', same);
  world.issuer.setDown(true);
  clock.advance(200);
  t.equal((await world.call('/api', same)).status, 200, 'valid for 300 seconds');
  clock.advance(90);
  t.strictSame(
    told(await world.call('/api', same)),
    [503, 'credential_unavailable'],
    'within the margin before its end',
  );
  t.equal(world.upstream.received.length, 2);
});

const errors: Record<
  string,
  { answer: [number, object, Record<string, string>?]; told: [number, string]; reason: string }
> = {
  'the subject is not accepted': {
    answer: [400, { error: 'invalid_grant', error_description: 'token revoked' }],
    told: [401, 'credential_invalid'],
    reason: 'subject_token_rejected',
  },
  'RFC 8693 section 2.2.2 says invalid_request for it': {
    answer: [400, { error: 'invalid_request', error_description: 'subject_token is not acceptable' }],
    told: [401, 'credential_invalid'],
    reason: 'subject_token_rejected',
  },
  'the target is not allowed': {
    answer: [400, { error: 'invalid_target' }],
    told: [403, 'access_denied'],
    reason: 'exchange_denied',
  },
  'the gate itself is not accepted': {
    answer: [401, { error: 'invalid_client' }],
    told: [503, 'credential_unavailable'],
    reason: 'issuer_rejected_client',
  },
  'a fault of the issuer': {
    answer: [500, { error: 'server_error' }],
    told: [503, 'credential_unavailable'],
    reason: 'issuer_failed',
  },
};

for (const [name, { answer, told: expected, reason }] of Object.entries(errors)) {
  test(`the issuer says no: ${name}`, async (t) => {
    const world = await startE2e(t);
    world.issuer.answerWith(answering(...answer));
    const response = await world.call('/api');
    t.strictSame(told(response), expected);
    t.notMatch(await response.text(), /revoked|subject_token|invalid_(grant|target|client)/, 'without its words');
    t.match(calls((await world.end()).records), [{ reason }]);
  });
}

test('step-up: the demand reaches the agent as a challenge', async (t) => {
  const world = await startE2e(t);
  world.issuer.answerWith(
    answering(400, {
      error: 'insufficient_user_authentication',
      error_description: 'a stronger sign-in is needed',
      acr_values: 'urn:example:strong',
      max_age: 60,
    }),
  );
  const answer = await world.call('/api');
  t.strictSame(told(answer), [401, 'step_up_required']);
  const challenge = answer.headers.get('www-authenticate') ?? '';
  t.match(challenge, /error="insufficient_user_authentication"/);
  t.match(challenge, /acr_values="urn:example:strong"/);
  t.match(challenge, /max_age="?60/);
});

test('a failure is remembered for a moment, so that a loop of retries is no load on the issuer', async (t) => {
  const clock = clockAt(start);
  const world = await startE2e(t, { clock });
  const same = await tokens(world);
  world.issuer.answerWith(answering(400, { error: 'invalid_target' }));
  for (let i = 0; i < 5; i += 1) t.equal((await world.call('/api', same)).status, 403);
  t.equal(world.issuer.asked.length, 1);
  world.issuer.answerWith();
  clock.advance(6);
  t.equal((await world.call('/api', same)).status, 200);
});
