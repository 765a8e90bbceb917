import { test } from 'tap';
import { refusedFor, routed, startGate } from '../support/routing-world.ts';

const plain = { name: 'tickets', path: '/tickets', upstream: 'https://tickets.example/api/v2' };
const json = { 'content-type': 'application/json' };

test('a call goes below the upstream, its query unchanged', async (t) => {
  const gate = await startGate(t, [plain]);
  const call = routed(
    await gate.ask({ method: 'PATCH', path: '/tickets/42/notes/?q=a+b&q=%zz;c', body: '{}', headers: json }),
  );
  t.strictSame(call.upstream, { origin: 'https://tickets.example', path: '/api/v2/42/notes/?q=a+b&q=%zz;c' });
  t.hasStrict(call.facts, {
    method: 'PATCH',
    path: '/42/notes/',
    operation: undefined,
    model: undefined,
    tool: undefined,
  });
  t.equal(call.route.id, 'tickets');
  t.equal(call.caller.sub, 'spiffe://corp/agent', 'and is still the call it was');
});

test('credentials in the query are gone before it is sent', async (t) => {
  const gate = await startGate(t, [{ preset: 'gemini' }]);
  const path = '/gemini/v1beta/models/gemini-2.5-flash:generateContent?key=AIzaSECRET&alt=sse';
  const { upstream } = routed(await gate.ask({ method: 'POST', path, body: '{}', headers: json }));
  t.equal(upstream.path, '/v1beta/models/gemini-2.5-flash:generateContent?alt=sse');
});

test('a parameter of the name the credential goes under is refused', async (t) => {
  const gate = await startGate(t, [{ ...plain, placement: { query: 'appid' } }]);
  t.equal(refusedFor(await gate.ask({ path: '/tickets/1?appid=other' })), 'target_malformed');
  t.equal(refusedFor(await gate.ask({ path: '/tickets/1?x=1&%61ppid=other' })), 'target_malformed');
  t.equal(refusedFor(await gate.ask({ path: '/tickets/1?app=1' })), 'routed');
});

test('upgrades pass where the route allows them', async (t) => {
  const gate = await startGate(t, [plain, { ...plain, name: 'live', path: '/live', websocket: true }]);
  t.equal(refusedFor(await gate.ask({ path: '/tickets/feed', upgrade: true })), 'upgrade_not_allowed');
  const { facts, body, upstream } = routed(await gate.ask({ path: '/live/feed?since=1', upgrade: true }));
  t.hasStrict(facts, { method: 'GET', path: '/feed', operation: undefined });
  t.strictSame(body, { kind: 'none' });
  t.equal(upstream.path, '/api/v2/feed?since=1');
});

test('a route may close the sockets its preset opens', async (t) => {
  const gate = await startGate(t, [{ preset: 'openai', websocket: false }]);
  t.equal(
    refusedFor(await gate.ask({ path: '/openai/v1/realtime?model=gpt-realtime', upgrade: true })),
    'upgrade_not_allowed',
  );
});

test('a socket is no request, and a request no socket', async (t) => {
  const gate = await startGate(t, [{ preset: 'openai' }]);
  t.equal(routed(await gate.ask({ path: '/openai/v1/realtime?model=x' })).facts.operation, undefined);
  t.equal(routed(await gate.ask({ path: '/openai/v1/responses', upgrade: true })).facts.operation, 'responses.socket');
});

test('a model in the query has one reading', async (t) => {
  const gate = await startGate(t, [{ preset: 'openai' }]);
  for (const query of ['model=small&model=large', 'model=small&MODEL=large', 'model=small;model=large']) {
    t.equal(
      refusedFor(await gate.ask({ path: `/openai/v1/realtime?${query}`, upgrade: true })),
      'body_field_ambiguous',
      query,
    );
  }
});

test('a flag may stand in the query', async (t) => {
  const gate = await startGate(t, [{ preset: 'openai' }]);
  const streamOf = async (query: string): Promise<unknown> =>
    routed(await gate.ask({ path: `/openai/v1/responses/resp_1${query}` })).facts.stream;
  t.equal(await streamOf('?stream=true'), true);
  t.equal(await streamOf('?stream=false'), false);
  t.equal(await streamOf(''), false);
});

test('an operation that takes multipart or JSON is read only as JSON', async (t) => {
  const gate = await startGate(t, [{ preset: 'openai' }]);
  const edit = { method: 'POST', path: '/openai/v1/images/edits' };
  const multipart = { 'content-type': 'multipart/form-data; boundary=x' };
  const named = routed(await gate.ask({ ...edit, headers: json, body: '{"model":"gpt-image-1"}' }));
  t.hasStrict(named.facts, { operation: 'images.edit', model: 'gpt-image-1' });
  const unnamed = routed(await gate.ask({ ...edit, headers: multipart, body: '{"model":"gpt-image-1"}' }));
  t.hasStrict(unnamed.facts, { operation: 'images.edit', model: undefined });
  t.equal(
    refusedFor(await gate.ask({ ...edit, headers: { 'content-type': 'text/plain' }, body: '{}' })),
    'body_malformed',
  );
});

test('a field that would name a second model may be null', async (t) => {
  const gate = await startGate(t, [{ preset: 'anthropic' }]);
  const message = { method: 'POST', path: '/anthropic/v1/messages', headers: json };
  t.equal(refusedFor(await gate.ask({ ...message, body: '{"model":"a","fallbacks":null}' })), 'routed');
  t.equal(
    refusedFor(await gate.ask({ ...message, body: '{"model":"a","fallbacks":"default"}' })),
    'body_field_ambiguous',
  );
});

test('details of refusals hold nothing of the request', async (t) => {
  const gate = await startGate(t, [{ preset: 'openai' }]);
  const secret = 'sk-very-secret-value';
  const asked = [
    { path: `/openai/${secret}/../x` },
    { path: `/${secret}` },
    { method: 'POST', path: '/openai/v1/chat/completions', headers: json, body: `{"model":["${secret}"]}` },
    { method: 'POST', path: '/openai/v1/chat/completions', headers: { 'content-type': secret }, body: '{}' },
    { path: `/openai/v1/realtime?model=${secret}&model=x`, upgrade: true },
  ];
  for (const each of asked) {
    const outcome = await gate.ask(each);
    if (outcome.kind === 'routed') t.fail('routed');
    else t.notMatch(`${outcome.refusal.message} ${outcome.refusal.detail}`, secret, outcome.refusal.reason);
  }
});
