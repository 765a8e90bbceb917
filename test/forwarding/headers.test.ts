// Request headers: what a route lets through, what the gate adds, and the credential exactly once.

import fc from 'fast-check';
import { test } from 'tap';
import { compileRequestHeaders, isGateOwned, placeCredential } from '../../src/forwarding/headers.ts';
import { callWith } from '../support/forwarding-call.ts';
import { credentialOf, secretText } from '../support/forwarding-gate.ts';

const rules = { guard: true, forwardHeaders: ['X-Kept', 'kept-*'], setHeaders: {} };
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

function written(headers: readonly string[], changes: Partial<typeof rules> & { appendHeaders?: object } = {}) {
  const { appendHeaders, ...rest } = changes;
  const append = appendHeaders === undefined ? {} : { appendHeaders: { ...appendHeaders } as Record<string, string> };
  const write = compileRequestHeaders({ ...rules, ...rest, ...append });
  const call = callWith(headers);
  const lines = write(call, { placed: placeCredential(call), traceparent, session: undefined });
  return pairs(lines);
}

function pairs(lines: readonly string[]): [string, string][] {
  const out: [string, string][] = [];
  for (let i = 0; i < lines.length; i += 2) out.push([(lines[i] ?? '').toLowerCase(), lines[i + 1] ?? '']);
  return out;
}

const named = (lines: readonly [string, string][], name: string) =>
  lines.filter(([each]) => each === name).map(([, value]) => value);

test('only allowed names pass, in any case, with order and duplicates kept', async (t) => {
  const lines = written(['X-KEPT', '1', 'x-kept', '2', 'Kept-Beta', '3', 'X-Other', '4', 'Content-Type', 'a/b']);
  t.strictSame(lines.slice(0, 4), [
    ['x-kept', '1'],
    ['x-kept', '2'],
    ['kept-beta', '3'],
    ['content-type', 'a/b'],
  ]);
  t.strictSame(named(lines, 'x-other'), []);
});

test('a name that only contains an allowed prefix does not pass', async (t) => {
  t.strictSame(named(written(['x-kept-beta', '1']), 'x-kept-beta'), []);
});

test('the gate adds its own trace, id, encoding and credential, each exactly once', async (t) => {
  const lines = written(
    [
      'traceparent',
      '00-attacker',
      'x-request-id',
      'theirs',
      'accept-encoding',
      'gzip',
      'authorization',
      'Bearer theirs',
    ],
    { forwardHeaders: ['*'] },
  );
  t.strictSame(named(lines, 'traceparent'), [traceparent]);
  t.strictSame(named(lines, 'x-request-id'), ['00000000-0000-4000-8000-000000000001']);
  t.strictSame(named(lines, 'accept-encoding'), ['identity']);
  t.strictSame(named(lines, 'authorization'), [`Bearer ${secretText}`]);
});

test('with the guard off the agent and the upstream may compress', async (t) => {
  t.strictSame(named(written(['Accept-Encoding', 'br'], { guard: false }), 'accept-encoding'), ['br']);
});

test('no route can let through framing, hops, credentials or names of the gate', async (t) => {
  const never = [
    ...['connection', 'transfer-encoding', 'content-length', 'upgrade', 'te', 'host', 'expect', 'keep-alive'],
    ...[
      'cookie',
      'proxy-authorization',
      'x-api-key',
      'api-key',
      'x-goog-api-key',
      'x-forwarded-for',
      'forwarded',
      'via',
    ],
    ...['tracestate', 'mcp-session-id', 'sec-websocket-key', 'postern-subject-token'],
  ];
  const sent = never.flatMap((name) => [name.toUpperCase(), 'theirs']);
  const lines = written(sent, { forwardHeaders: ['*', ...never] });
  t.strictSame(
    lines.filter(([, value]) => value === 'theirs'),
    [],
  );
});

test('a set header replaces what the agent sent', async (t) => {
  const lines = written(['x-kept', 'theirs', 'Kept-A', 'theirs'], {
    setHeaders: { 'X-Kept': 'ours', 'kept-a': 'ours' },
  });
  t.strictSame(named(lines, 'x-kept'), ['ours']);
  t.strictSame(named(lines, 'kept-a'), ['ours']);
});

test('an appended value joins the list the agent sent, once', async (t) => {
  const appendHeaders = { 'kept-beta': 'oauth-2025-04-20' };
  t.strictSame(named(written([], { appendHeaders }), 'kept-beta'), ['oauth-2025-04-20']);
  t.strictSame(named(written(['kept-beta', 'a, b', 'Kept-Beta', 'c'], { appendHeaders }), 'kept-beta'), [
    'a,b,c,oauth-2025-04-20',
  ]);
  t.strictSame(named(written(['kept-beta', 'oauth-2025-04-20'], { appendHeaders }), 'kept-beta'), ['oauth-2025-04-20']);
});

test('a configured header that belongs to the gate, or cannot be sent, stops the start', async (t) => {
  for (const name of ['Authorization', 'x-api-key', 'Host', 'x-forwarded-for', 'traceparent', 'bad name', '']) {
    t.throws(() => compileRequestHeaders({ ...rules, setHeaders: { [name]: 'x' } }), TypeError, name);
  }
  for (const value of ['', 'a\r\nb: c', 'a\0', ' a', 'ü']) {
    t.throws(() => compileRequestHeaders({ ...rules, setHeaders: { 'x-a': value } }), TypeError, JSON.stringify(value));
  }
  t.ok(isGateOwned('X-API-Key'));
});

test('the credential goes where its placement says, and nowhere else', async (t) => {
  const inHeader = callWith([], {
    credential: credentialOf(secretText, { kind: 'header', name: 'X-Api-Key', prefix: '' }),
  });
  t.match(placeCredential(inHeader), {
    name: 'x-api-key',
    value: secretText,
    path: '/v1/a',
    guarded: { forms: [secretText] },
  });
  const write = compileRequestHeaders(rules);
  const lines = pairs(write(inHeader, { placed: placeCredential(inHeader), traceparent, session: undefined }));
  t.strictSame(named(lines, 'x-api-key'), [secretText]);
  t.strictSame(named(lines, 'authorization'), []);

  const inQuery = callWith([], { credential: credentialOf('a/b+c=d?e', { kind: 'query', name: 'key' }) });
  t.equal(placeCredential(inQuery).path, '/v1/a?key=a%2Fb%2Bc%3Dd%3Fe');
  const withQuery = { ...inQuery, upstream: { ...inQuery.upstream, path: '/v1/a?x=1' } };
  t.equal(placeCredential(withQuery).path, '/v1/a?x=1&key=a%2Fb%2Bc%3Dd%3Fe');

  const none = callWith([], { credential: credentialOf('', { kind: 'none' }) });
  t.match(placeCredential(none), { name: undefined, value: '', path: '/v1/a', guarded: { forms: [] } });
});

test('the credential beats a configured header of the same name', async (t) => {
  const credential = credentialOf(secretText, { kind: 'header', name: 'X-Custom', prefix: '' });
  const call = callWith(['x-custom', 'theirs'], { credential });
  const write = compileRequestHeaders({ ...rules, forwardHeaders: ['x-custom'], setHeaders: { 'x-custom': 'static' } });
  const lines = pairs(write(call, { placed: placeCredential(call), traceparent, session: undefined }));
  t.strictSame(named(lines, 'x-custom'), [secretText]);
});

for (const [name, text] of Object.entries({ empty: '', 'a line break': 'abc\r\nx: y', 'a NUL': 'a\0b', blank: ' ' })) {
  test(`a credential that cannot be sent is refused: ${name}`, async (t) => {
    const call = callWith([], { credential: credentialOf(text, { kind: 'header', name: 'x-api-key', prefix: '' }) });
    t.throws(() => placeCredential(call), { name: 'Refusal', reason: 'secret_unavailable' });
  });
}

test('whatever the agent sends, no line but the credential can hold what the gate owns', async () => {
  const name = fc.oneof(
    fc.constantFrom('Authorization', 'x-api-key', 'COOKIE', 'Host', 'traceparent', 'x-kept', 'content-type', 'TE'),
    fc.string({ unit: fc.constantFrom('x', '-', 'k', 'e', 'p', 't', 'A'), minLength: 1, maxLength: 10 }),
  );
  const write = compileRequestHeaders({ ...rules, forwardHeaders: ['*'] });
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.constant('theirs')), { maxLength: 12 }), (sent) => {
      const call = callWith(sent.flat());
      const lines = pairs(write(call, { placed: placeCredential(call), traceparent, session: undefined }));
      const credentials = lines.filter(([each]) => each === 'authorization' || each === 'x-api-key');
      return credentials.length === 1 && lines.every(([each, value]) => value !== 'theirs' || !isGateOwned(each));
    }),
    { seed: 1, numRuns: 300 },
  );
});
