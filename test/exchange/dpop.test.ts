// Tokens bound to a key of the gate (RFC 9449), as asked for at a token endpoint: the proof, the nonce, what is taken and what
// is not. The requests' proofs are verified with jose alone.

import { inspect } from 'node:util';
import { type Test, test } from 'tap';
import { boundTokenOf } from '../../src/base/bound-token.ts';
import { exchangeSchema } from '../../src/exchange/schema.ts';
import { binding, jktOf, provenBy } from '../support/dpop-issuer.ts';
import { type Misbehaviour, oauthError, sendJson } from '../support/exchange-issuer.ts';
import { corp, refusal, startWorld } from '../support/exchange-world.ts';
import { planner, startIssuer } from '../support/sts-issuer.ts';

/** A gate whose exchange asks for bound tokens, and an issuer that gives them. */
async function startBound(t: Test, changes: Record<string, unknown> = {}) {
  const world = await startWorld(t);
  world.issuer.misbehave(binding(world.issuer));
  const gate = world.gate({ exchanges: { corp: corp(world.issuer, { dpop: true, ...changes }) } });
  return { ...world, ...gate };
}

/** Demands `nonce`, until a proof has it; then answers as the issuer does. */
function demanding(nonce: string): Misbehaviour {
  return {
    raw: (response) => {
      response.setHeader('dpop-nonce', nonce);
      sendJson(response, 400, { error: 'use_dpop_nonce', error_description: 'a nonce is required' });
    },
  };
}

test('the token request proves a key, the credential is the token with that key', async (t) => {
  const { broker, call, issuer, clock, problems } = await startBound(t);
  const armed = await broker.arm(call());
  const [request] = issuer.received;
  if (request === undefined) throw new Error('nothing was asked');

  const proof = await provenBy(request, clock);
  t.match(proof, { htm: 'POST', htu: issuer.tokenEndpoint, iat: clock.now() / 1_000, jti: /^[\w-]{36}$/ });
  t.notOk('ath' in proof, 'there is no token yet');
  t.strictSame(problems, []);
  t.strictSame(armed.credential.placement, { kind: 'dpop' });
  const bound = armed.credential.secret && boundTokenOf(armed.credential.secret);
  t.equal(bound?.key.thumbprint, jktOf(request));
  t.equal(armed.credential.facts.fingerprint, bound?.token.fingerprint, 'records name the token, not the pair');
  t.strictSame(armed.credential.facts.verification, { mode: 'strict', findings: [] });
});

test('one exchange has one key, another has another, and neither shows it', async (t) => {
  const { broker, call, issuer, log, sent } = await startBound(t);
  await broker.arm(call());
  const armed = await broker.arm(call({ scopes: ['model.list'] }));
  t.equal(jktOf(issuer.received[0]), jktOf(issuer.received[1]));
  const shown = inspect([armed, broker, log.lines], { depth: 20 }) + JSON.stringify([armed.credential, sent]);
  t.notMatch(shown, /"d":|\bd: '/);
  const second = await startBound(t);
  await second.broker.arm(second.call());
  t.not(jktOf(second.issuer.received[0]), jktOf(issuer.received[0]));
});

test('the key is of the kind that was configured', async (t) => {
  for (const alg of ['ES256', 'ES384', 'EdDSA']) {
    const { broker, call, issuer, clock } = await startBound(t, { dpop: { alg } });
    issuer.misbehave(binding(issuer, { opaque: true }));
    await broker.arm(call({ route: 'openai' })).catch(() => {}); // an opaque token is not what this story is about
    const [request] = issuer.received;
    if (request === undefined) throw new Error('nothing was asked');
    await provenBy(request, clock);
    const [header = ''] = String(request.headers['dpop']).split('.');
    t.match(JSON.parse(Buffer.from(header, 'base64url').toString()), { alg, typ: 'dpop+jwt' });
  }
});

test('a nonce is used at once, remembered, and a newer one replaces it', async (t) => {
  const { broker, call, issuer, clock } = await startBound(t);
  issuer.misbehave(demanding('first-nonce'));
  await refusal(broker.arm(call()));

  issuer.misbehave(binding(issuer));
  clock.pass(2);
  await broker.arm(call());
  const nonces = await Promise.all(issuer.received.map(async (one) => (await provenBy(one, clock))['nonce']));
  t.strictSame(nonces, [undefined, 'first-nonce', 'first-nonce']);
  const used = await Promise.all(issuer.received.map(async (one) => (await provenBy(one, clock)).jti));
  t.equal(new Set(used).size, 3, 'no proof is used twice');
});

test('the nonces of an issuer that always wants one cost one more request, once', async (t) => {
  const { clock, gate, call } = await startWorld(t);
  const sts = await startIssuer(t, { require_dpop_nonce: true }, clock);
  const client = { id: planner.id, auth: 'client_secret_basic', secret: planner.secret };
  const machine = { grant: 'client_credentials', issuer: sts.issuer, client, dpop: true };
  const { broker, sent } = gate({ exchanges: { corp: machine }, routes: [{ audience: 'postern' }] });
  const asked = () => sent.filter(({ method }) => method === 'POST').length;
  const { credential } = await broker.arm(call({ scopes: [] }));
  t.strictSame(credential.facts.verification.findings, []);
  t.equal(asked(), 2);
  clock.pass(400);
  await broker.arm(call({ scopes: [] }));
  t.equal(asked(), 4, 'the nonce is old by now, the next one was given with the answer');
});

test('a server that always demands another nonce is asked twice and no more', async (t) => {
  const { broker, call, issuer } = await startBound(t);
  issuer.misbehave(demanding('again'));
  const { reason, status } = await refusal(broker.arm(call()));
  t.strictSame([reason, status, issuer.received.length], ['issuer_failed', 503, 2]);
});

test('a demand without a nonce that can be sent back is not followed', async (t) => {
  for (const nonce of [undefined, 'a"b', 'two, nonces', 'x'.repeat(600)]) {
    const { broker, call, issuer } = await startBound(t);
    issuer.misbehave({
      raw(response) {
        if (nonce !== undefined) response.setHeader('dpop-nonce', nonce);
        sendJson(response, 400, { error: 'use_dpop_nonce' });
      },
    });
    await refusal(broker.arm(call()));
    t.equal(issuer.received.length, 1, String(nonce).slice(0, 20));
  }
});

test('a client assertion is made anew when the request is made again', async (t) => {
  const world = await startWorld(t);
  const { id, key } = world.issuer.client;
  const client = { id, auth: 'private_key_jwt', key };
  const { broker } = world.gate({ exchanges: { corp: corp(world.issuer, { dpop: true, client }) } });
  world.issuer.misbehave(demanding('n'));
  await refusal(broker.arm(world.call()));
  const [first, second] = world.issuer.received.map(({ form }) => form);
  t.not(first?.get('client_assertion'), second?.get('client_assertion'));
  first?.delete('client_assertion');
  second?.delete('client_assertion');
  t.equal(first?.toString(), second?.toString(), 'the same request otherwise');
});

test('a refused proof is a fault of this gate, and told as one', async (t) => {
  const { broker, call, issuer } = await startBound(t);
  issuer.misbehave(oauthError(400, 'invalid_dpop_proof', { error_description: 'iat' }));
  t.equal((await refusal(broker.arm(call()))).reason, 'exchange_misconfigured');
});

test('a token bound to another key, or to none, is refused', async (t) => {
  for (const cnf of [undefined, {}, { jkt: 'another' }, { 'x5t#S256': 'certificate' }, 'odd']) {
    const { broker, call, issuer } = await startBound(t);
    issuer.misbehave(binding(issuer, { claims: (claims) => ({ ...claims, cnf }) }));
    t.equal((await refusal(broker.arm(call()))).reason, 'issued_key_mismatch', JSON.stringify(cnf));
  }
});

test('in record mode it passes, and the record says so', async (t) => {
  const world = await startWorld(t);
  world.issuer.misbehave(binding(world.issuer, { claims: (claims) => claims }));
  const exchanges = { corp: corp(world.issuer, { dpop: true }) };
  const { broker } = world.gate({ exchanges, routes: [{ verify: 'record' }] });
  const { credential } = await broker.arm(world.call());
  t.strictSame(credential.facts.verification.findings, ['issued_key_mismatch']);
});

test('an opaque token says by introspection what it is bound to', async (t) => {
  const { broker, call, issuer } = await startBound(t, { introspect: {} });
  issuer.misbehave(binding(issuer, { opaque: true }));
  const { credential } = await broker.arm(call());
  t.strictSame(credential.facts.verification.findings, []);
  issuer.misbehave(binding(issuer, { opaque: true, introspection: ({ cnf, ...answer }) => answer }));
  t.equal((await refusal(broker.arm(call({ scopes: ['model.list'] })))).reason, 'issued_key_mismatch');
});

test('an issuer that says it takes other algorithms is not asked', async (t) => {
  const { broker, call, issuer } = await startBound(t, { dpop: { alg: 'EdDSA' } });
  issuer.dpopAlgorithms = ['ES256'];
  const { reason, detail } = await refusal(broker.arm(call()));
  t.strictSame([reason, issuer.received.length], ['exchange_misconfigured', 0]);
  t.match(detail, /EdDSA/);
});

test('what cannot be bound is reported at load', async (t) => {
  const { gate, issuer } = await startWorld(t);
  const exchanges = {
    corp: corp(issuer, { dpop: true }),
    partner: { grant: 'jwt_bearer', issuer: issuer.url, dpop: true },
    both: { grant: 'chain', steps: [{ exchange: 'corp' }, { exchange: 'partner' }] },
  };
  const placement = { kind: 'header', name: 'x-api-key', prefix: '' } as const;
  const { problems } = gate({ exchanges, routes: [{ placement }] });
  t.strictSame(
    problems.map(({ path }) => path),
    [
      ['exchanges', 'both', 'steps', 0, 'exchange'],
      ['routes', 0, 'placement'],
    ],
  );
});

test('it is off unless written, and takes no symmetric algorithm', (t) => {
  const entry = { grant: 'client_credentials', issuer: 'https://idp.example', client: { auth: 'none', id: 'x' } };
  t.match(exchangeSchema.parse({ ...entry }), { dpop: undefined });
  t.match(exchangeSchema.parse({ ...entry, dpop: false }), { dpop: undefined });
  t.match(exchangeSchema.parse({ ...entry, dpop: true }), { dpop: { alg: 'ES256' } });
  t.throws(() => exchangeSchema.parse({ ...entry, dpop: { alg: 'HS256' } }));
  t.end();
});
