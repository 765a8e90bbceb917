// Proofs of possession at the embedded issuer: who proves a key gets a token bound to it, and nothing else does.

import { createHash } from 'node:crypto';
import { type Test, test } from 'tap';
import { createProver, type ProofChanges } from '../support/dpop-proofs.ts';
import { claimsOf, clockAt, exchange, gate, ownToken, planner, start, startIssuer } from '../support/sts-issuer.ts';

async function startWorld(t: Test, changes: Record<string, unknown> = {}) {
  const clock = clockAt(start);
  const issuer = await startIssuer(t, changes, clock);
  const prover = await createProver(clock);
  const url = issuer.tokenEndpoint;
  const subject = await issuer.mint({ sub: 'alice', audience: ['postern'] });

  async function ask(proof: string | undefined, form: Record<string, string> = {}) {
    const body = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: subject,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: 'https://api.openai.com',
      ...form,
    });
    const credentials = Buffer.from(`${gate.id}:${gate.secret}`).toString('base64');
    const headers = { authorization: `Basic ${credentials}`, ...(proof === undefined ? {} : { dpop: proof }) };
    const answer = await fetch(url, { method: 'POST', body, headers });
    const said: Record<string, unknown> = JSON.parse(await answer.text());
    return { status: answer.status, nonce: answer.headers.get('dpop-nonce') ?? undefined, said };
  }

  const proof = (changed?: ProofChanges) => prover.proof('POST', url, changed);
  return { clock, issuer, prover, url, ask, proof };
}

test('a proven key is what the token is bound to', async (t) => {
  const { ask, proof, prover } = await startWorld(t);
  const { status, said } = await ask(await proof());
  t.equal(status, 200);
  t.equal(said['token_type'], 'DPoP');
  t.strictSame(claimsOf(String(said['access_token']))['cnf'], { jkt: prover.jkt });
});

test("the gate's own token is bound likewise", async (t) => {
  const { ask, proof, prover } = await startWorld(t);
  const { said } = await ask(await proof(), { grant_type: 'client_credentials', audience: 'qdrant' });
  t.equal(said['token_type'], 'DPoP');
  t.strictSame(claimsOf(String(said['access_token']))['cnf'], { jkt: prover.jkt });
});

test('without a proof it is a bearer token, as ever', async (t) => {
  const { issuer, ask } = await startWorld(t);
  const { said } = await ask(undefined);
  t.equal(said['token_type'], 'Bearer');
  t.notOk(claimsOf(String(said['access_token']))['cnf']);
  const own = await exchange(issuer, { subject: await issuer.mint({ sub: 'bob', audience: 'postern' }) });
  t.equal(own.body['token_type'], 'Bearer');
  t.notOk(claimsOf(await ownToken(issuer, planner))['cnf']);
});

const wrong: Record<string, (url: string) => ProofChanges> = {
  'for another method': () => ({ claims: { htm: 'GET' } }),
  'for another URL': (url) => ({ claims: { htu: `${url}/introspection` } }),
  'of long ago': () => ({ claims: { iat: start / 1_000 - 3_600 } }),
  'of the future': () => ({ claims: { iat: start / 1_000 + 3_600 } }),
  'without jti': () => ({ claims: { jti: undefined } }),
  'of another type': () => ({ header: { typ: 'JWT' } }),
  'with another key in its header': () => ({
    header: {
      jwk: {
        kty: 'EC',
        crv: 'P-256',
        x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
        y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
      },
    },
  }),
  'without a key': () => ({ header: { jwk: undefined } }),
  'with a key that is on no curve': () => ({
    header: { jwk: { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) } },
  }),
  'with a key of another curve than its algorithm': () => ({
    header: { jwk: { kty: 'EC', crv: 'P-384', x: 'A'.repeat(64), y: 'A'.repeat(64) } },
  }),
};

for (const [name, changes] of Object.entries(wrong)) {
  test(`a proof ${name} is none`, async (t) => {
    const { ask, proof, url } = await startWorld(t);
    const { status, said } = await ask(await proof(changes(url)));
    t.strictSame([status, said['error']], [400, 'invalid_dpop_proof']);
  });
}

test('a proof serves once', async (t) => {
  const { ask, proof } = await startWorld(t);
  const one = await proof();
  t.equal((await ask(one)).status, 200);
  t.strictSame((await ask(one)).said['error'], 'invalid_dpop_proof');
});

test('something that is no JWT is no proof', async (t) => {
  const { ask } = await startWorld(t);
  for (const odd of ['x', 'a.b.c', 'e30.e30.e30', 'x'.repeat(9_000)]) {
    t.equal((await ask(odd)).said['error'], 'invalid_dpop_proof');
  }
});

test('an issuer that demands nonces gives one, and takes it and the one after', async (t) => {
  const { ask, proof, clock } = await startWorld(t, { require_dpop_nonce: true });
  const first = await ask(await proof());
  t.strictSame([first.status, first.said['error']], [400, 'use_dpop_nonce']);
  const claims = { nonce: first.nonce };
  t.equal((await ask(await proof({ claims }))).status, 200);
  clock.advance(60);
  const later = await ask(await proof({ claims }));
  t.equal(later.status, 200);
  t.not(later.nonce, first.nonce, 'a newer one comes with the answer');
  clock.advance(60);
  t.equal((await ask(await proof({ claims }))).said['error'], 'use_dpop_nonce');
  t.equal((await ask(await proof({ claims: { nonce: 'made-up' } }))).said['error'], 'use_dpop_nonce');
});

test('the issuer says what it takes, and what a bound token is', async (t) => {
  const { issuer, ask, proof, prover } = await startWorld(t);
  const metadata = await (await fetch(`${issuer.issuer}/.well-known/openid-configuration`)).text();
  t.match(JSON.parse(metadata), { dpop_signing_alg_values_supported: ['ES256'] });
  const { said } = await ask(await proof());
  const answer = await fetch(`${issuer.tokenEndpoint}/introspection`, {
    method: 'POST',
    body: new URLSearchParams({ token: String(said['access_token']) }),
    headers: { authorization: `Basic ${Buffer.from(`${gate.id}:${gate.secret}`).toString('base64')}` },
  });
  t.match(await answer.json(), { active: true, token_type: 'DPoP', cnf: { jkt: prover.jkt } });
});

test('whoami takes a bound token with a proof for this request, and otherwise not', async (t) => {
  const { issuer, ask, proof, prover, clock } = await startWorld(t, {
    whoami: true,
    audiences: [{ id: 'whoami', scopes: [] }],
  });
  const token = String((await ask(await proof(), { audience: 'whoami' })).said['access_token']);
  const url = `${issuer.issuer}/whoami`;
  const show = (authorization: string, dpop?: string) =>
    fetch(url, { headers: { authorization, ...(dpop === undefined ? {} : { dpop }) } });
  const ath = createHash('sha256').update(token).digest('base64url');
  const good = await prover.proof('GET', url, { claims: { ath } });

  const answer = await show(`DPoP ${token}`, good);
  t.equal(answer.status, 200);
  t.match(JSON.parse(await answer.text()), { token: { sub: 'alice', cnf: { jkt: prover.jkt } } });

  const thief = await createProver(clock);
  const refused: [string, string, string?][] = [
    ['as a bearer token', `Bearer ${token}`],
    ['as one with a proof', `Bearer ${token}`, await prover.proof('GET', url, { claims: { ath } })],
    ['without a proof', `DPoP ${token}`],
    ['with a used proof', `DPoP ${token}`, good],
    ['with another key', `DPoP ${token}`, await thief.proof('GET', url, { claims: { ath } })],
    ['with a proof for no token', `DPoP ${token}`, await prover.proof('GET', url)],
    ['with one for another URL', `DPoP ${token}`, await prover.proof('GET', `${url}?x`, { claims: { ath } })],
    ['with one for another method', `DPoP ${token}`, await prover.proof('POST', url, { claims: { ath } })],
  ];
  for (const [how, authorization, dpop] of refused) t.equal((await show(authorization, dpop)).status, 401, how);
});
