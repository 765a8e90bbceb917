import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import { test } from 'tap';
import { startEmbeddedIssuer } from '../../src/sts/issuer.ts';
import { recordingLog, silentLog } from '../support/log.ts';
import { rejection } from '../support/rejection.ts';
import { claimsOf, exchange, headerOf, issuerConfig, post, start, startIssuer } from '../support/sts-issuer.ts';

test('port 0 gives an issuer with the real port, discoverable both ways', async (t) => {
  const issuer = await startIssuer(t);
  t.match(issuer.issuer, /^http:\/\/127\.0\.0\.1:[1-9]\d+$/);
  for (const path of ['oauth-authorization-server', 'openid-configuration']) {
    const response = await fetch(`${issuer.issuer}/.well-known/${path}`);
    const metadata = (await response.json()) as Record<string, unknown>;
    t.match(metadata, {
      issuer: issuer.issuer,
      token_endpoint: issuer.tokenEndpoint,
      jwks_uri: issuer.jwksUri,
      introspection_endpoint: `${issuer.issuer}/token/introspection`,
      grant_types_supported: ['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
      scopes_supported: ['model.invoke', 'model.list', 'vectors.read', 'vectors.write'],
    });
    t.notOk('authorization_endpoint' in metadata, 'says only what is there');
  }
});

test('its tokens verify with its published keys, which are public', async (t) => {
  const issuer = await startIssuer(t);
  const jwks = (await (await fetch(issuer.jwksUri)).json()) as { keys: Record<string, string>[] };
  t.equal(jwks.keys.length, 1);
  t.notOk(jwks.keys[0]?.['d'], 'no private key is published');
  const token = await issuer.mint({ sub: 'alice' });
  const options = { issuer: issuer.issuer, audience: 'postern', typ: 'at+jwt', currentDate: new Date(start) };
  const { payload } = await jwtVerify(token, createLocalJWKSet(jwks), options);
  t.match(payload, { sub: 'alice', sub_profile: 'user', exp: start / 1_000 + 300 });
  t.equal(headerOf(token)['kid'], jwks.keys[0]?.['kid']);
});

test('minting says exactly what it was told', async (t) => {
  const issuer = await startIssuer(t);
  const plain = claimsOf(await issuer.mint({ sub: 'alice' }));
  t.notOk('scope' in plain, 'no scope claim unless asked for');
  const token = await issuer.mint({
    sub: 'agent:planner',
    audience: ['postern', 'qdrant'],
    scope: ['a', 'b'],
    mayAct: { sub: 'x' },
    act: { sub: 'y' },
    ttl: -1,
    clientId: 'planner',
    claims: { groups: ['research'], aud: 'replaced' },
    typ: 'JWT',
    kind: 'workload',
  });
  t.match(claimsOf(token), {
    sub: 'agent:planner',
    aud: 'replaced',
    scope: 'a b',
    may_act: { sub: 'x' },
    act: { sub: 'y' },
    exp: start / 1_000 - 1,
    client_id: 'planner',
    groups: ['research'],
    sub_profile: 'ai_agent',
  });
  t.equal(headerOf(token)['typ'], 'JWT');
});

test('only the token endpoint, its relatives and metadata can be reached', async (t) => {
  const { issuer } = await startIssuer(t);
  const cases: [string, string, number][] = [
    ['GET', '/', 404],
    ['GET', '/auth?client_id=postern&response_type=code&redirect_uri=https://evil.example', 404],
    ['GET', '/auth/uid', 404],
    ['GET', '/interaction/uid', 404],
    ['POST', '/session/end/confirm', 404],
    ['POST', '/reg', 404],
    ['GET', '/me', 404],
    ['POST', '/postern/mint', 404],
    ['GET', '/token', 405],
    ['OPTIONS', '/token', 405],
    ['POST', '/jwks', 405],
    ['GET', '/%74oken', 404],
    ['GET', '/token/../auth', 404],
  ];
  for (const [method, path, status] of cases) {
    const response = await fetch(`${issuer}${path}`, { method });
    t.equal(response.status, status, `${method} ${path}`);
    await response.arrayBuffer();
  }
});

test('errors are JSON even for a client that would rather see a page', async (t) => {
  const { tokenEndpoint } = await startIssuer(t);
  const response = await fetch(tokenEndpoint, { method: 'POST', headers: { accept: 'text/html' } });
  t.equal(response.status, 400);
  t.match(response.headers.get('content-type'), /^application\/json/);
  t.match(await response.json(), { error: 'invalid_request' });
});

test('a request body larger than the bound is refused', async (t) => {
  const issuer = await startIssuer(t);
  const huge = 'x'.repeat(100_000);
  const answer = await post(issuer.tokenEndpoint, { grant_type: 'client_credentials', scope: huge });
  t.match(answer, { status: 400, body: { error: 'invalid_request' } });
});

test('it starts without a word on the console', async (t) => {
  const said: unknown[] = [];
  const capture = (...words: unknown[]) => said.push(words);
  const real = { ...console };
  Object.assign(console, { log: capture, info: capture, warn: capture, error: capture });
  try {
    const issuer = await startIssuer(t);
    await post(issuer.tokenEndpoint, { grant_type: 'client_credentials' });
    await post(`${issuer.issuer}/token/introspection`, { token: await issuer.mint({ sub: 'a' }) });
  } finally {
    Object.assign(console, real);
  }
  t.strictSame(said, []);
});

test('what is unsafe is warned about at start', async (t) => {
  const log = recordingLog();
  const issuer = await startEmbeddedIssuer({ config: issuerConfig({ insecure_mint: true }), log });
  t.teardown(() => issuer.close());
  t.strictSame(
    log.lines.filter((line) => line.level === 'warn').map((line) => line.message),
    ['embedded issuer mints any token for any local process'],
  );
});

test('a key file keeps tokens good across restarts', async (t) => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const file = join(t.testdir({}), 'key.jwk');
  await writeFile(file, JSON.stringify(await exportJWK(privateKey)));
  const before = await startIssuer(t, { key_file: file });
  const subject = await before.mint({ sub: 'alice' });
  await before.close();
  const after = await startIssuer(t, { key_file: file, listen: new URL(before.issuer).host });
  t.match(await exchange(after, { subject }), { status: 200, claims: { sub: 'alice' } });
});

test('a key file that is no private key stops the start without quoting it', async (t) => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const half = { ...(await exportJWK(privateKey)), x: 'AAAA' };
  const dir = t.testdir({
    'not-json': 'SECRET-CONTENT',
    list: '["SECRET-CONTENT"]',
    public: JSON.stringify(await exportJWK(publicKey)),
    broken: JSON.stringify(half),
    symmetric: JSON.stringify({ kty: 'oct', k: 'SECRET-CONTENT', alg: 'HS256' }),
    huge: 'x'.repeat(70_000),
  });
  for (const name of ['not-json', 'list', 'public', 'broken', 'symmetric', 'huge', 'absent']) {
    const config = issuerConfig({ key_file: join(dir, name) });
    const failure = await rejection(startEmbeddedIssuer({ config, log: silentLog }));
    t.match(failure.message, /embedded issuer's key/, name);
    t.notMatch(failure.message, /SECRET|AAAA/, name);
    t.notMatch(failure.message, half.d ?? '-', name);
  }
});

test('a key file that is a device is read no further than a key is long', async (t) => {
  const config = issuerConfig({ key_file: '/dev/zero' });
  t.match(await rejection(startEmbeddedIssuer({ config, log: silentLog })), { message: /EFBIG/ });
});

test('a port in use is an error, and closing frees the port', async (t) => {
  const first = await startIssuer(t);
  const listen = new URL(first.issuer).host;
  const failure = await rejection(startEmbeddedIssuer({ config: issuerConfig({ listen }), log: silentLog }));
  t.match(failure, { code: 'EADDRINUSE' });
  await first.close();
  const second = await startEmbeddedIssuer({ config: issuerConfig({ listen }), log: silentLog });
  t.equal(second.issuer, first.issuer);
  await second.close();
});

test('importing it does not load the provider library', (t) => {
  const seen = new Set<string>();
  const visit = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, imported = ''] of readFileSync(file, 'utf8').matchAll(
      /^(?:import|export) (?!type )[^;]*?from '([^']+)'/gm,
    )) {
      t.not(imported, 'oidc-provider', file);
      if (imported.startsWith('.')) visit(join(dirname(file), imported));
    }
  };
  visit(join(import.meta.dirname, '../../src/sts/issuer.ts'));
  t.ok(seen.size > 5 && ![...seen].some((file) => file.endsWith('provider.ts')));
  t.end();
});

test('the schema is not the only thing that keeps it on loopback', async (t) => {
  const config = { ...issuerConfig(), listen: '192.0.2.7:0' };
  t.match((await rejection(startEmbeddedIssuer({ config, log: silentLog }))).message, /loopback only/);
});
