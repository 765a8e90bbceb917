// How the gate proves itself at a token endpoint. The issuer of these stories verifies what it gets.

import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { test } from 'tap';
import type { Problem } from '../../src/base/problem.ts';
import { createClientAuth } from '../../src/exchange/client-auth.ts';
import { clientSchema } from '../../src/exchange/client-auth-schema.ts';
import { stoppedClock } from '../support/exchange-clock.ts';
import { entraKey } from '../support/exchange-vendors/entra.ts';
import { corp, refusal, startWorld } from '../support/exchange-world.ts';
import { silentLog } from '../support/log.ts';

const issuer = 'https://idp.example.com';

/** Applies a method as configured and returns what it put on the request. */
async function authenticate(client: Record<string, unknown>) {
  const problems: Problem[] = [];
  const options = clientSchema.parse({ id: 'gate', ...client });
  const { authenticate: apply } = createClientAuth(options, {
    clock: stoppedClock(),
    log: silentLog,
    workload: () => undefined,
    report: (problem) => problems.push(problem),
  });
  const form = new URLSearchParams();
  const headers = new Headers();
  if (problems.length === 0) await apply({ issuer }, { client_id: options.id ?? '' }, form, headers);
  return { form: Object.fromEntries(form), authorization: headers.get('authorization'), problems };
}

test('client_secret_basic form-encodes both parts (RFC 6749 section 2.3.1), and no more than that', async (t) => {
  const { authorization, form } = await authenticate({
    auth: 'client_secret_basic',
    id: 'my-gate.1',
    secret: 'a:b c+ü%',
  });
  t.equal(authorization, `Basic ${btoa('my-gate.1:a%3Ab+c%2B%C3%BC%25')}`);
  t.strictSame(form, {}, 'and nothing in the body (RFC 6749: one method per request)');
});

test('client_secret_post and none', async (t) => {
  t.strictSame((await authenticate({ auth: 'client_secret_post', secret: 's' })).form, {
    client_id: 'gate',
    client_secret: 's',
  });
  const none = await authenticate({ auth: 'none' });
  t.strictSame(none.form, { client_id: 'gate' });
  t.equal(none.authorization, null);
});

const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const jwk = (key: KeyObject, more: object = {}) => JSON.stringify({ ...key.export({ format: 'jwk' }), ...more });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
const ed25519 = generateKeyPairSync('ed25519').privateKey;

const keys: readonly (readonly [string, KeyObject, Record<string, unknown>, string])[] = [
  ['RSA PEM', rsa, { key: pem(rsa) }, 'RS256'],
  ['RSA PEM with PS384', rsa, { key: pem(rsa), alg: 'PS384' }, 'PS384'],
  ['P-256 PEM', p256, { key: pem(p256) }, 'ES256'],
  ['P-384 JWK', p384, { key: jwk(p384) }, 'ES384'],
  ['Ed25519 PEM', ed25519, { key: pem(ed25519) }, 'EdDSA'],
];

test('private_key_jwt names its certificate by SHA-256, and signs PS256 with an RSA key', async (t) => {
  const { form, problems } = await authenticate({ auth: 'private_key_jwt', ...entraKey });
  t.strictSame(problems, []);
  const certificate = new X509Certificate(entraKey.certificate);
  const thumbprint = createHash('sha256').update(certificate.raw).digest('base64url');
  const header = decodeProtectedHeader(form['client_assertion'] ?? '');
  t.match(header, { alg: 'PS256', 'x5t#S256': thumbprint });
  t.match(decodeJwt(form['client_assertion'] ?? ''), { nbf: stoppedClock().now() / 1000 });
  t.equal((await authenticate({ auth: 'private_key_jwt', ...entraKey, alg: 'RS256' })).problems.length, 0);
});

for (const [what, key, client, alg] of keys) {
  test(`private_key_jwt: ${what} signs ${alg}`, async (t) => {
    const { form, problems } = await authenticate({ auth: 'private_key_jwt', ...client });
    t.strictSame(problems, []);
    t.equal(form['client_assertion_type'], 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    const now = stoppedClock().now() / 1000;
    const { payload, protectedHeader } = await jwtVerify(form['client_assertion'] ?? '', createPublicKey(key), {
      currentDate: new Date(stoppedClock().now()),
    });
    t.equal(protectedHeader.alg, alg);
    t.match(payload, { iss: 'gate', sub: 'gate', aud: issuer, iat: now, exp: now + 60, jti: /^\S{16,}$/ });
    t.type(payload.aud, 'string', 'the issuer is the sole audience (rfc7523bis)');
  });
}

test('private_key_jwt: audience and key id as configured, key id of the JWK by default, a new jti each time', async (t) => {
  const kid = await calculateJwkThumbprint(createPublicKey(p256).export({ format: 'jwk' }));
  const first = await authenticate({ auth: 'private_key_jwt', key: jwk(p256, { kid }), assertion_audience: 'urn:as' });
  const second = await authenticate({ auth: 'private_key_jwt', key: jwk(p256, { kid }), kid: 'other' });
  const [one, two] = [first, second].map(({ form }) => form['client_assertion'] ?? '');
  t.match(decodeProtectedHeader(one ?? ''), { kid });
  t.match(decodeProtectedHeader(two ?? ''), { kid: 'other' });
  t.equal(decodeJwt(one ?? '').aud, 'urn:as');
  t.not(decodeJwt(one ?? '').jti, decodeJwt(two ?? '').jti);
});

const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
const bad: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  ['text that is no key', { key: 'CANARY-not-a-key' }, /not a private key/],
  ['JSON that is no key', { key: '{"kty":"EC","d":"CANARY' }, /not a private key/],
  [
    'a public key',
    { key: createPublicKey(p256).export({ type: 'spki', format: 'pem' }).toString() },
    /not a private key/,
  ],
  ['a symmetric JWK', { key: '{"kty":"oct","k":"CANARY"}' }, /not a private key/],
  ['an RSA key of 1024 bits', { key: pem(short) }, /1024 bits/],
  ['an algorithm of another kind of key', { key: pem(p256), alg: 'RS256' }, /does not fit alg RS256/],
  ['an algorithm of another curve', { key: pem(p256), alg: 'ES384' }, /does not fit alg ES384/],
  ['a key that cannot sign', { key: pem(generateKeyPairSync('x25519').privateKey) }, /signs no JWT/],
];

for (const [what, client, expected] of bad) {
  test(`private_key_jwt: ${what} is reported at load, and not quoted`, async (t) => {
    const { problems } = await authenticate({ auth: 'private_key_jwt', ...client });
    t.match(problems, [{ path: ['key'], what: expected }]);
    t.notMatch(JSON.stringify(problems), /CANARY|BEGIN/);
  });
}

test('end to end: each method is accepted by the issuer', async (t) => {
  const { gate, call, issuer: idp } = await startWorld(t);
  const { id, secret, key } = idp.client;
  for (const client of [
    { id, auth: 'client_secret_basic', secret },
    { id, auth: 'client_secret_post', secret },
    { id, auth: 'private_key_jwt', key },
  ]) {
    const { broker, problems } = gate({ exchanges: { corp: corp(idp, { client }) } });
    t.strictSame(problems, []);
    t.equal((await broker.arm(call())).cache, 'miss', client.auth);
  }
});

test('a client the issuer does not accept is a fault of the set-up, not of the agent', async (t) => {
  const { gate, call, issuer: idp } = await startWorld(t);
  const client = { id: idp.client.id, auth: 'client_secret_basic', secret: 'wrong' };
  const refused = await refusal(gate({ exchanges: { corp: corp(idp, { client }) } }).broker.arm(call()));
  t.equal(refused.reason, 'issuer_rejected_client');
  t.equal(refused.status, 503);
});

test('federated_assertion reads its file for every exchange', async (t) => {
  const file = join(t.testdir(), 'token');
  const client = { auth: 'federated_assertion', id: undefined, assertion_file: file, assertion_type: 'jwt-spiffe' };
  writeFileSync(file, 'first\n');
  t.strictSame((await authenticate(client)).form, {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe',
    client_assertion: 'first',
  });
  writeFileSync(file, 'second');
  t.match((await authenticate({ ...client, id: 'gate' })).form, { client_assertion: 'second', client_id: 'gate' });

  writeFileSync(file, '\n');
  t.equal((await refusal(authenticate(client))).reason, 'secret_unavailable');
  t.equal((await refusal(authenticate({ ...client, assertion_file: `${file}-gone` }))).reason, 'secret_unavailable');
});

test('an assertion without audience is reported at load; a client that proves nothing is warned about', async (t) => {
  const { gate, issuer: idp } = await startWorld(t);
  const { id, key } = idp.client;
  const assertion = corp(idp, {
    issuer: undefined,
    token_endpoint: idp.tokenEndpoint,
    client: { id, auth: 'private_key_jwt', key },
  });
  t.match(gate({ exchanges: { corp: assertion } }).problems, [{ path: ['exchanges', 'corp', 'client'] }]);

  const none = gate({ exchanges: { corp: corp(idp, { client: { id, auth: 'none' } }) } });
  t.match(none.log.lines, [{ level: 'warn', message: /client auth is none/ }]);
});
