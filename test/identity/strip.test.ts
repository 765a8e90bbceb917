// Strip: what an agent's SDKs send, and what is left of it.

import { test } from 'tap';
import type { StrippedCall } from '../../src/call.ts';
import { reasonOf, stripped } from '../support/identity-world.ts';

/** Slot, scheme and value of everything presented. */
function shown({ presented }: StrippedCall): string[] {
  return presented.map(({ slot, scheme, value }) => `${slot} ${scheme ?? '-'} ${value.reveal()}`);
}

test('what an OpenAI SDK sends arrives without its key and its account', (t) => {
  const call = stripped(
    [
      ...['Host', 'Gate.internal:8080', 'Accept', 'application/json', 'Content-Type', 'application/json'],
      ...['User-Agent', 'OpenAI/JS 7.57.0', 'X-Stainless-Lang', 'js', 'Idempotency-Key', 'retry-1'],
      ...['Authorization', 'Bearer sk-secret', 'OpenAI-Organization', 'org-1', 'OpenAI-Project', 'proj-1'],
      ...['OpenAI-Beta', 'realtime=v1', 'Content-Length', '2', 'Connection', 'keep-alive'],
    ],
    '/openai/v1/chat/completions?stream=true',
  );

  t.strictSame(call.headers, [
    ...['Accept', 'application/json', 'Content-Type', 'application/json'],
    ...['User-Agent', 'OpenAI/JS 7.57.0', 'X-Stainless-Lang', 'js', 'Idempotency-Key', 'retry-1'],
    ...['OpenAI-Beta', 'realtime=v1', 'Content-Length', '2'],
  ]);
  t.strictSame(shown(call), ['header:authorization bearer sk-secret']);
  t.equal(call.path, '/openai/v1/chat/completions?stream=true');
  t.equal(call.authority, 'gate.internal:8080');
  t.end();
});

test('every SDK slot is emptied and kept aside', (t) => {
  const slots: [string, string][] = [
    ['x-api-key', 'anthropic'],
    ['api-key', 'azure, qdrant, pinecone'],
    ['x-goog-api-key', 'gemini'],
    ['xi-api-key', 'elevenlabs'],
    ['x-chroma-token', 'chroma'],
    ['Ocp-Apim-Subscription-Key', 'azure api management'],
    ['X-OpenAI-Api-Key', 'weaviate vectorizer'],
    ['x-portkey-aws-secret-access-key', 'portkey'],
    ['X-Vendor-Nobody-Knows-Secret', 'pattern'],
    ['X_Api_Key', 'underscores are dashes to CGI'],
    ['x-amz-security-token', 'aws'],
    ['Txn-Token', 'must not leave the domain'],
    ['DPoP', 'bound to our address'],
    ['X-Whatever', 'Bearer sk-0123456789abcdef'],
  ];
  for (const [name, value] of slots) {
    const call = stripped([name, value, 'accept', '*/*']);
    t.strictSame(call.headers, ['accept', '*/*'], name);
    t.equal(call.presented.length, 1, name);
  }
  t.end();
});

test('names that only look like credentials pass', (t) => {
  const lines = [
    ...['idempotency-key', '1', 'anthropic-beta', 'oauth-2025-04-20', 'openai-beta', 'assistants=v2'],
    ...['x-ratelimit-limit-tokens', '9', 'Mcp-Method', 'tools/call', 'Mcp-Name', 'search', 'Mcp-Session-Id', 's-1'],
    ...['Mcp-Param-Token', 'a tool argument', 'x-title', 'Basic Token Counter', 'x-ms-client-request-id', 'r-1'],
  ];
  const call = stripped(lines);
  t.strictSame(call.headers, lines);
  t.strictSame(call.presented, []);
  t.end();
});

test('what only the gate may say is dropped, and is no credential', (t) => {
  const call = stripped([
    ...['Forwarded', 'for=1', 'X-Forwarded-For', '1', 'Via', '1.1 x', 'Baggage', 'a=1', 'traceparent', '00-1-1-01'],
    ...['Referer', 'https://a/?key=1', 'Expect', '100-continue', 'Postern-Actor', 'me', 'x-goog-user-project', 'p'],
    ...['X-HTTP-Method-Override', 'DELETE', 'X-Original-URL', '/admin', 'x-fal-target-url', 'https://evil'],
    ...['TE', 'trailers', 'Transfer-Encoding', 'chunked', 'Upgrade', 'websocket', 'Keep-Alive', 'timeout=5'],
  ]);
  t.strictSame(call.headers, []);
  t.strictSame(call.presented, []);
  t.end();
});

test('duplicates are all removed and all kept aside', (t) => {
  const call = stripped(['Authorization', 'Bearer one', 'AUTHORIZATION', 'Basic two', 'authorization', 'three']);
  t.strictSame(call.headers, []);
  t.strictSame(shown(call), [
    'header:authorization bearer one',
    'header:authorization basic two',
    'header:authorization - three',
  ]);
  t.end();
});

test('cookies are told apart by name', (t) => {
  const call = stripped(['Cookie', 'session=a=b; theme=dark; \u00e4=x']);
  t.strictSame(shown(call), ['cookie:session - a=b', 'cookie:theme - dark', 'cookie:? - x']);
  t.end();
});

test('empty credentials are removed and forgotten', (t) => {
  const call = stripped(['x-api-key', '', 'authorization', 'Bearer abc'], '/v1?key=&a=1');
  t.strictSame(shown(call), ['header:authorization bearer abc']);
  t.equal(call.path, '/v1?a=1');
  t.end();
});

test('query parameters lose their credentials and keep their order', (t) => {
  const call = stripped([], '/gemini/v1beta/models:generateContent?alt=sse&key=AIza&$top=3&access_token=ya29');
  t.equal(call.path, '/gemini/v1beta/models:generateContent?alt=sse&$top=3');
  t.strictSame(shown(call), ['query:key - AIza', 'query:accesstoken - ya29']);
  t.end();
});

test('a query of credentials only leaves a bare path', (t) => {
  t.equal(stripped([], '/v1?key=a').path, '/v1');
  t.equal(stripped([], '/v1?page_token=a&max_tokens=3').path, '/v1?page_token=a&max_tokens=3');
  t.end();
});

test('an Authorization parameter is read with its scheme (Azure Realtime)', (t) => {
  const call = stripped([], '/openai/v1/realtime?model=gpt&Authorization=Bearer%20a.b.c');
  t.strictSame(shown(call), ['query:authorization bearer a.b.c']);
  t.end();
});

test('an absolute-form target gives path and authority, and loses its userinfo', (t) => {
  const call = stripped(['Host', 'other.example'], 'http://user:p%40ss@API.Example.com:8443/v1?key=k&a=1');
  t.equal(call.path, '/v1?a=1');
  t.equal(call.authority, 'api.example.com:8443', 'Host is ignored (RFC 9112 3.2.2)');
  t.strictSame(shown(call), ['userinfo basic user:p@ss', 'query:key - k']);
  t.equal(stripped([], 'http://api.example.com?a=1').path, '/?a=1');
  t.equal(stripped([], 'https://api.example.com').path, '/');
  t.end();
});

test('subprotocols lose credentials and accounts, and keep what is a protocol', (t) => {
  const offer = (value: string) => stripped(['Sec-WebSocket-Protocol', value]);
  const openai = offer('realtime, openai-insecure-api-key.sk-1, openai-organization.org, openai-beta.realtime-v1');
  t.strictSame(openai.subprotocols, ['realtime', 'openai-beta.realtime-v1']);
  t.strictSame(shown(openai), ['subprotocol:openai-insecure-api-key - sk-1']);

  t.strictSame(shown(offer('token, dg-key')), ['subprotocol:token token dg-key']);
  t.strictSame(shown(offer('Bearer,a.b.c')), ['subprotocol:bearer bearer a.b.c']);
  const kubernetes = offer(
    `base64url.bearer.authorization.k8s.io.${Buffer.from('a.b.c').toString('base64url')}, v4.channel`,
  );
  t.strictSame(shown(kubernetes), ['subprotocol:base64url.bearer.authorization.k8s.io - a.b.c']);
  t.strictSame(kubernetes.subprotocols, ['v4.channel']);
  t.strictSame(offer('mcp, graphql-ws, graphql-transport-ws').subprotocols, [
    'mcp',
    'graphql-ws',
    'graphql-transport-ws',
  ]);
  t.strictSame(offer(`mcp, ${'x'.repeat(65)}`).subprotocols, ['mcp'], 'longer than any name of a protocol');
  t.strictSame(kubernetes.headers, []);
  t.end();
});

test('targets that two readers could read differently are refused', async (t) => {
  const targets = [
    ...['*', 'api.example.com:443', 'ftp://a/b', '', 'v1/models', 'http://a@b@c/', 'http://[::1', 'http:///x'],
    ...['/a#b', '/a b', '/a\\b', '/a\tb', '/a\u0000', '/\u00e9', `/${'a'.repeat(16_384)}`],
    ...['/v1?%2525252525256bey=x', `/v1?${'a&'.repeat(1_025)}`],
  ];
  for (const target of targets)
    t.equal(await reasonOf(() => stripped([], target)), 'target_malformed', target.slice(0, 40));
});

test('nothing presented can be printed', (t) => {
  const call = stripped(['Authorization', 'Bearer canary', 'Cookie', 'a=canary'], '/v1?key=canary');
  t.notMatch(JSON.stringify({ ...call, rawHeaders: [], target: '', transport: undefined }), /canary/);
  t.end();
});
