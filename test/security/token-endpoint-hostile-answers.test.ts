// Attack: a token endpoint (compromised, behind a captive portal, or mid-restart) answers with whatever it likes: endless
// bodies, redirects that would carry the tokens away, HTML, tokens with line breaks that would inject headers. Held by a
// bounded, strict reading of one answer; nothing is placed that was not understood.

import type { ServerResponse } from 'node:http';
import { test } from 'tap';
import { sendJson } from '../support/exchange-issuer.ts';
import { recordingObservation } from '../support/exchange-observation.ts';
import { corp, refusal, startWorld } from '../support/exchange-world.ts';

const good = { access_token: 'opaque', token_type: 'Bearer', expires_in: 300 };

function raw(status: number, type: string, body: string) {
  return (response: ServerResponse) => response.writeHead(status, { 'content-type': type }).end(body);
}

const json = (body: unknown) => (response: ServerResponse) => sendJson(response, 200, body);

/** What is answered, the reason it is refused for, and how often the issuer is asked. */
const answers: Record<string, [(response: ServerResponse) => unknown, string, number]> = {
  'an empty 200 (envoy#42009)': [(response) => response.writeHead(200).end(), 'issuer_answer_malformed', 2],
  'an empty object': [json({}), 'issuer_answer_malformed', 2],
  null: [json(null), 'issuer_answer_malformed', 2],
  'a list': [json([good]), 'issuer_answer_malformed', 2],
  'an error with status 200': [json({ error: 'access_denied' }), 'issuer_answer_malformed', 2],
  'JSON cut short': [raw(200, 'application/json', '{"access_token":"x'), 'issuer_answer_malformed', 2],
  'JSON that says it is HTML': [raw(200, 'text/html', JSON.stringify(good)), 'issuer_answer_malformed', 2],
  'JSON that says nothing': [(response) => response.end(JSON.stringify(good)), 'issuer_answer_malformed', 2],
  'a type that only begins like JSON': [
    raw(200, 'application/jsonp', JSON.stringify(good)),
    'issuer_answer_malformed',
    2,
  ],
  'bytes that are no UTF-8': [
    (response) =>
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(Buffer.from('{"access_token":"\xff","token_type":"Bearer"}', 'latin1')),
    'issuer_answer_malformed',
    2,
  ],
  'an empty token': [json({ ...good, access_token: '' }), 'issuer_answer_malformed', 2],
  'a token with a line break': [json({ ...good, access_token: 'a\r\nX-Admin: yes' }), 'issuer_answer_malformed', 2],
  'a token with a trailing line break': [json({ ...good, access_token: 'a\n' }), 'issuer_answer_malformed', 2],
  'a token with a space': [json({ ...good, access_token: 'a b' }), 'issuer_answer_malformed', 2],
  'a token beyond ASCII': [json({ ...good, access_token: 'ä' }), 'issuer_answer_malformed', 2],
  'a token that is no text': [json({ ...good, access_token: { toString: 'x' } }), 'issuer_answer_malformed', 2],
  'a token of 16 KiB and one': [json({ ...good, access_token: 'x'.repeat(16_385) }), 'issuer_answer_malformed', 2],
  'no token type': [json({ access_token: 'x' }), 'issuer_answer_malformed', 2],
  'a life below nothing': [json({ ...good, expires_in: -1 }), 'issuer_answer_malformed', 2],
  'a life without end': [json({ ...good, expires_in: 1e300 }), 'issuer_answer_malformed', 2],
  'a life in words': [json({ ...good, expires_in: 'soon' }), 'issuer_answer_malformed', 2],
  'a life of nothing': [json({ ...good, expires_in: 0 }), 'issued_token_expired', 1],
  'a DPoP-bound token': [json({ ...good, token_type: 'DPoP' }), 'issued_token_type_refused', 1],
  'a MAC token': [json({ ...good, token_type: 'mac' }), 'issued_token_type_refused', 1],
  'no access token where one was asked for': [json({ ...good, token_type: 'N_A' }), 'issued_token_type_refused', 1],
  'more than 64 KiB': [json({ ...good, padding: 'x'.repeat(70_000) }), 'issuer_answer_oversize', 1],
  'a connection cut inside the body': [
    (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1_000 });
      response.write('{"access_token":"x"', () => response.socket?.destroy());
    },
    'issuer_unreachable',
    1,
  ],
  'a connection cut before the head': [(response) => response.socket?.destroy(), 'issuer_unreachable', 1],
};

for (const [what, [answer, reason, asked]] of Object.entries(answers)) {
  test(`${what}: ${reason}`, async (t) => {
    const { gate, call, issuer } = await startWorld(t);
    const { broker } = gate({ routes: [{ verify: 'record' }] });
    issuer.misbehave({ raw: answer });
    const observation = recordingObservation();

    const refused = await refusal(broker.arm(call({ observation })));

    t.equal(refused.reason, reason);
    t.equal(issuer.received.length, asked);
    t.equal(observation.exchanges.length, asked, 'every attempt has its span');
    t.ok(observation.exchanges.every(({ outcome }) => outcome === 'failed'));
    t.equal(broker.stats().entries, 0);
    t.notMatch(refused.detail, /X-Admin|xxxx/);
  });
}

for (const status of [301, 302, 303, 307, 308]) {
  test(`a ${status} is not followed: the form holds two tokens`, async (t) => {
    const { gate, call, issuer } = await startWorld(t);
    const { broker, sent } = gate();
    const elsewhere = `${issuer.url}/elsewhere`;
    issuer.misbehave({ raw: (response) => response.writeHead(status, { location: elsewhere }).end() });

    t.equal((await refusal(broker.arm(call()))).reason, 'issuer_failed');

    t.ok(sent.every(({ url }) => url !== elsewhere));
    t.ok(issuer.received.every(({ path }) => path === '/realm/token'));
  });
}

test('one odd answer and then a good one: the call goes on', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker } = gate();
  issuer.misbehave({
    raw(response) {
      issuer.misbehave({});
      response.writeHead(200).end();
    },
  });
  const observation = recordingObservation();

  t.equal((await broker.arm(call({ observation }))).cache, 'miss');
  t.strictSame(
    observation.exchanges.map(({ outcome }) => outcome),
    ['failed', 'succeeded'],
  );
  t.strictSame(
    issuer.received.map(({ headers }) => headers['traceparent']),
    observation.exchanges.map(({ traceparent }) => traceparent),
  );
});

test('an issuer that never answers holds a call for its timeout, not for ever', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker } = gate({ exchanges: { corp: corp(issuer, { timeout: '100ms' }) } });
  const release = issuer.hold();
  const refused = await refusal(broker.arm(call()));
  release();
  t.equal(refused.reason, 'issuer_timeout');
  t.equal(refused.status, 503);
});

test('what is well-formed is understood: text numbers, N_A, unknown members, an own content type', async (t) => {
  const { gate, call, issuer, clock } = await startWorld(t);
  const requestedTokenType = 'urn:ietf:params:oauth:token-type:jwt';
  const { broker } = gate({ routes: [{ verify: 'record', requestedTokenType }] });
  const answer = { ...good, token_type: 'n_a', expires_in: '300', scope: 'model.invoke', refresh_token: 'r', x: [1] };
  issuer.misbehave({ raw: raw(200, 'Application/vnd.idp+JSON ; charset=utf-8', JSON.stringify(answer)) });

  const { credential } = await broker.arm(call());

  t.equal(credential.facts.expiresAt, clock.now() / 1000 + 300);
  t.strictSame(credential.facts.scopesGranted, ['model.invoke']);
  t.notMatch(JSON.stringify(credential.facts), '"r"');
});
