// POST /postern/mint gives any token to any process on this machine, where somebody asked for that. A page in a browser on
// this machine can also send requests to loopback: by form or fetch from its own origin, or after rebinding its own host
// name to 127.0.0.1, when the browser takes the issuer for the page's own server. A reverse proxy on this machine would
// lend its loopback address to the whole world. None of them may get a token.

import { test } from 'tap';
import { claimsOf, start, startIssuer } from '../support/sts-issuer.ts';
import { send } from '../support/sts-raw-http.ts';

const json = { 'content-type': 'application/json' };
const body = JSON.stringify({ sub: 'alice' });

test('a local process gets the token it asked for', async (t) => {
  const { issuer } = await startIssuer(t, { insecure_mint: true });
  const asked = {
    sub: 'alice',
    audience: ['postern', 'agent:planner'],
    scope: 'model.invoke',
    may_act: { sub: 'agent:planner' },
    ttl: 60,
    client_id: 'login',
    claims: { groups: ['research'] },
    kind: 'user',
  };
  const answer = await send(`${issuer}/postern/mint`, { method: 'POST', headers: json, body: JSON.stringify(asked) });
  t.equal(answer.status, 200);
  const { access_token, ...rest } = JSON.parse(answer.body);
  t.strictSame(rest, { token_type: 'Bearer', expires_in: 60 });
  const { kind: _kind, ttl: _ttl, claims: _claims, audience: aud, ...claims } = asked;
  t.match(claimsOf(access_token), { ...claims, aud, groups: ['research'], exp: start / 1_000 + 60 });
});

test('without insecure_mint there is no such endpoint', async (t) => {
  const { issuer } = await startIssuer(t);
  t.equal((await send(`${issuer}/postern/mint`, { method: 'POST', headers: json, body })).status, 404);
});

test('pages, rebound names and proxies get nothing', async (t) => {
  const { issuer } = await startIssuer(t, { insecure_mint: true });
  const attacks: [string, Record<string, string>, number][] = [
    ['a rebound host name', { ...json, host: 'evil.example' }, 403],
    ['a host name that only begins like loopback', { ...json, host: '127.0.0.1.evil.example' }, 403],
    ['a host name that only ends like it', { ...json, host: 'evil.example:127.0.0.1' }, 403],
    ['userinfo in the host', { ...json, host: '127.0.0.1@evil.example' }, 403],
    ['a page of another origin', { ...json, origin: 'https://evil.example' }, 403],
    ['a page of an opaque origin', { ...json, origin: 'null' }, 403],
    ['a page served from loopback', { ...json, origin: 'http://localhost:3000' }, 403],
    ['a navigation', { ...json, 'sec-fetch-site': 'none' }, 403],
    ['a request through a proxy', { ...json, 'x-forwarded-for': '203.0.113.9' }, 403],
    ['a request through a proxy, the standard way', { ...json, forwarded: 'for=203.0.113.9' }, 403],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['a form pretending', { 'content-type': 'text/plain; application/json' }, 415],
    ['no content type', {}, 415],
    ['a type that only begins like JSON', { 'content-type': 'application/json-seq' }, 415],
  ];
  for (const [name, headers, status] of attacks) {
    const answer = await send(`${issuer}/postern/mint`, { method: 'POST', headers, body });
    t.equal(answer.status, status, name);
    t.notMatch(answer.body, /access_token/, name);
  }
  t.equal((await send(`${issuer}/postern/mint`, { headers: json })).status, 405);
  for (const host of ['localhost', 'LOCALHOST:80', '[::1]:9191']) {
    const answer = await send(`${issuer}/postern/mint`, { method: 'POST', headers: { ...json, host }, body });
    t.equal(answer.status, 200, `${host} is this machine`);
  }
});

test('what is asked for is bounded and strict', async (t) => {
  const { issuer } = await startIssuer(t, { insecure_mint: true });
  const mint = (text: string) => send(`${issuer}/postern/mint`, { method: 'POST', headers: json, body: text });
  t.equal((await mint(JSON.stringify({ sub: 'a', claims: { x: 'y'.repeat(20_000) } }))).status, 413);
  const malformed = [
    '',
    'x',
    '[]',
    '{}',
    '{"sub":""}',
    '{"sub":"a","ttl":1e9}',
    '{"sub":"a","ttl":-1}',
    '{"sub":"a","nope":1}',
  ];
  for (const text of malformed) t.equal((await mint(text)).status, 400, text);
});
