// Response headers: nothing for this hop, nothing that sets state at the gate, no way around the gate, never the credential.

import { test } from 'tap';
import { lookFor } from '../../src/forwarding/guard.ts';
import { compileResponseHeaders, type ResponseHeaderRules } from '../../src/forwarding/response-headers.ts';
import { callWith } from '../support/forwarding-call.ts';
import { secretText } from '../support/forwarding-gate.ts';

const rules: ResponseHeaderRules = {
  origin: 'https://api.example',
  upstreamBase: '/v1',
  gatePath: '/things',
  guard: true,
  mcp: false,
  dropResponseHeaders: ['X-Internal'],
  sealSession: (_call, id) => `${id}~sealed`,
};

function read(lines: readonly string[], changes: Partial<ResponseHeaderRules> = {}, bodiless = false) {
  return compileResponseHeaders({ ...rules, ...changes })(callWith(), lines, lookFor([secretText]), bodiless);
}

/** What is passed on, without our own request id. */
function passed(lines: readonly string[], changes: Partial<ResponseHeaderRules> = {}): string[] {
  return read(lines, changes).lines.slice(0, -2);
}

test('ordinary headers pass with case, order and duplicates', async (t) => {
  const lines = [
    'X-A',
    '1',
    'x-a',
    '2',
    'Content-Type',
    'application/json',
    'Retry-After',
    '3',
    'x-ratelimit-limit',
    '9',
  ];
  t.strictSame(passed(lines), lines);
});

for (const name of [
  ...['Connection', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Trailer', 'Upgrade', 'Transfer-Encoding'],
  ...['Set-Cookie', 'Set-Cookie2', 'Alt-Svc', 'Strict-Transport-Security', 'Clear-Site-Data', 'NEL', 'Report-To'],
  ...['WWW-Authenticate', 'Authentication-Info', 'Proxy-Authenticate', 'Proxy-Status', 'Postern-Error', 'X-Internal'],
  ...['X-Request-Id', 'Refresh'],
]) {
  test(`dropped: ${name}`, async (t) => {
    t.strictSame(passed([name, name === 'Transfer-Encoding' ? 'chunked' : 'x']), []);
  });
}

test('names listed in Connection are dropped, before and after it', async (t) => {
  t.strictSame(passed(['x-hop', '1', 'Connection', 'close, X-Hop', 'X-HOP', '2', 'x-b', '3']), ['x-b', '3']);
});

test('a header that holds the credential is dropped, whatever its name', async (t) => {
  t.strictSame(passed(['x-echo', `Bearer ${secretText}`, 'x-b', '1']), ['x-b', '1']);
  t.strictSame(passed(['x-debug', `key=${secretText}&x=1`], { guard: false }), []);
});

test('our request id is added and the upstream keeps its own under its own name', async (t) => {
  const head = read(['request-id', 'req_123', 'X-Request-Id', 'other']);
  t.strictSame(head.lines, ['request-id', 'req_123', 'x-request-id', '00000000-0000-4000-8000-000000000001']);
  t.equal(head.upstreamRequestId, 'req_123');
  t.equal(read(['x-request-id', 'their-id']).upstreamRequestId, 'their-id');
  t.equal(read(['x-request-id', 'x'.repeat(200)]).upstreamRequestId, undefined);
});

test('the length is known from content-length alone', async (t) => {
  t.equal(read(['Content-Length', '12']).length, 12);
  t.equal(read([]).length, undefined);
  for (const lines of [
    ['content-length', '1', 'content-length', '1'],
    ['content-length', '-1'],
    ['content-length', '1, 1'],
    ['content-length', '0x1'],
    ['transfer-encoding', 'gzip, chunked'],
    ['transfer-encoding', 'xchunked'],
  ]) {
    t.throws(() => read(lines), { name: 'Refusal', reason: 'upstream_answer_malformed' }, lines.join(' '));
  }
});

test('a flood of header lines is no answer', async (t) => {
  const lines = Array.from({ length: 257 }, () => ['x', 'y']).flat();
  t.throws(() => read(lines), { name: 'Refusal', reason: 'upstream_answer_malformed' });
});

test('text that is compressed although it was not to be is refused, where it would have to be searched', async (t) => {
  const gzip = ['content-type', 'application/json', 'content-encoding', 'gzip'];
  t.throws(() => read(gzip), { name: 'Refusal', reason: 'upstream_encoding_refused' });
  t.throws(() => read(['content-encoding', 'br']), { name: 'Refusal', reason: 'upstream_encoding_refused' });
  t.strictSame(passed(gzip, { guard: false }), gzip);
  t.equal(read(['content-type', 'image/png', 'content-encoding', 'gzip']).guarded, false);
  t.equal(read(['content-type', 'text/plain', 'content-encoding', 'identity']).guarded, true);
  t.equal(read(gzip, {}, true).guarded, false, 'an answer without a body');
});

const locations: Record<string, [string, string | undefined]> = {
  'an absolute URL below the base': ['https://api.example/v1/files/1?a=b', '/things/files/1?a=b'],
  'the default port written out': ['https://api.example:443/v1/files', '/things/files'],
  'an absolute path': ['/v1/files/1', '/things/files/1'],
  'a relative reference': ['b', '/things/b'],
  'a reference that climbs and returns': ['../v1/c', '/things/c'],
  'a query alone': ['?page=2', '/things/a?page=2'],
  'the base itself': ['https://api.example/v1', '/things'],
  'another host': ['https://evil.example/v1/files', undefined],
  'another port': ['https://api.example:8443/v1/files', undefined],
  'another scheme': ['http://api.example/v1/files', undefined],
  'a scheme-relative host': ['//evil.example/v1', undefined],
  'backslashes for slashes': ['\\\\evil.example\\v1', undefined],
  'above the base': ['/admin', undefined],
  'a sibling with the same beginning': ['/v10/files', undefined],
  'dots that leave the base': ['/v1/../admin', undefined],
  'encoded dots that leave the base': ['/v1/%2e%2e/admin', undefined],
  userinfo: ['https://user:pw@api.example/v1/a', undefined],
  'no URL': ['https://', undefined],
  'a script': ['javascript:alert(1)', undefined],
  'endlessly long': [`/v1/${'a'.repeat(9_000)}`, undefined],
};

for (const [name, [sent, expected]] of Object.entries(locations)) {
  test(`location, ${name}`, async (t) => {
    t.strictSame(passed(['Location', sent]), expected === undefined ? [] : ['Location', expected]);
    t.strictSame(passed(['Content-Location', sent]), expected === undefined ? [] : ['Content-Location', expected]);
  });
}

test('a location cannot become another authority when the gate path is empty', async (t) => {
  t.strictSame(passed(['location', '/v1//evil.example/a'], { gatePath: '' }), []);
});

test('capability URLs come back through the gate, absolute, or not at all', async (t) => {
  const name = 'X-Goog-Upload-URL';
  const upload = 'https://api.example/v1/upload?upload_id=abc';
  t.strictSame(passed([name, upload]), [name, 'http://gate.local:8080/things/upload?upload_id=abc']);
  t.strictSame(passed(['Operation-Location', 'https://api.example/v1/operations/1']), [
    'Operation-Location',
    'http://gate.local:8080/things/operations/1',
  ]);
  for (const each of [name, 'x-goog-upload-control-url', 'operation-location', 'azure-asyncoperation']) {
    t.strictSame(passed([each, 'https://storage.example/v1/x?sig=abc']), [], each);
  }
});

test('a capability URL is dropped where the agent did not say how it reached us', async (t) => {
  const lines = ['x-goog-upload-url', 'https://api.example/v1/u'];
  for (const authority of [undefined, 'a b', 'gate/../x', 'a@b']) {
    const head = compileResponseHeaders(rules)(callWith([], { authority }), lines, lookFor([]), false);
    t.strictSame(head.lines.slice(0, -2), [], String(authority));
  }
});

test('Link headers are rewritten whole or dropped whole', async (t) => {
  t.strictSame(passed(['link', '<https://api.example/v1/a?page=2>; rel="next", </v1/a?page=9>; rel="last"']), [
    'link',
    '</things/a?page=2>; rel="next", </things/a?page=9>; rel="last"',
  ]);
  t.strictSame(passed(['link', '</v1/a?page=2>; rel="next", <https://evil.example/>; rel="x"']), []);
});

test('a Link header that is malformed, or names the upstream beside its targets, is dropped', async (t) => {
  const values = [
    'https://api.example/v1/a; rel="next"',
    '<https://api.example/v1/a',
    '</v1/a>; rel="next", https://api.example/v1/b',
    '</v1/a>; rel="next"; anchor="https://api.example/v1/b"',
    '</v1/a>; rel="next"; anchor="HTTP://API.example:80/v1/b"',
    '</v1/a>; rel="next"; anchor="//api.example/v1/b"',
    '</v1/a>; rel="next"; anchor="\\https://api.example/v1/b"',
    '</v1/a>; rel="next"; anchor=https://api.example/v1/b',
    '</v1/a?to=https://api.example/v1/b>; rel="next"',
    '</v1/a>; rel="next" https://api.example/',
  ];
  for (const value of values) t.strictSame(passed(['link', value]), [], value);
  t.strictSame(passed(['link', '</v1/a>; rel=next; type="a/b"; title="a, b; <c>",</v1/b>']), [
    'link',
    '</things/a>; rel=next; type="a/b"; title="a, b; <c>", </things/b>',
  ]);
});

test('an MCP session id is sealed on MCP routes, and left alone on others', async (t) => {
  t.strictSame(passed(['Mcp-Session-Id', 'abc'], { mcp: true }), ['Mcp-Session-Id', 'abc~sealed']);
  t.strictSame(passed(['Mcp-Session-Id', 'abc']), ['Mcp-Session-Id', 'abc']);
});
