// The spans of a call as they go over the wire: parents, kinds, names, status, links, and the trace context sent on.

import { test } from 'tap';
import { Refusal } from '../../src/base/errors.ts';
import { armedCall, arrival, arrivedAt, carryOut, permittedCall, reply, stripped } from '../support/telemetry-calls.ts';
import { telemetryWorld } from '../support/telemetry-world.ts';

const callerTrace = '4bf92f3577b34da6a3ce929d0e0e4736';
const callerSpan = '00f067aa0ba902b7';
const traceparent = (flags = '01') => ['traceparent', `00-${callerTrace}-${callerSpan}-${flags}`];

test('one call is a SERVER span with an exchange and an attempt below it', async (t) => {
  const world = await telemetryWorld(t);
  carryOut(world.telemetry.observe);

  const server = await world.span('POST /openai/*');
  const exchange = await world.span('token_exchange');
  const attempt = await world.span('chat gpt-5-mini');

  t.strictSame([server.kind, exchange.kind, attempt.kind], ['server', 'client', 'client']);
  t.equal(server.parentSpanId, undefined);
  t.equal(exchange.parentSpanId, server.spanId);
  t.equal(attempt.parentSpanId, server.spanId);
  t.equal(new Set([server, exchange, attempt].map((span) => span.traceId)).size, 1);
  t.strictSame([server.status, exchange.status, attempt.status], ['unset', 'unset', 'unset']);
  t.equal(server.resource['service.name'], 'postern');
  t.equal(server.scope, 'postern');
  t.match(server.attributes, {
    'http.request.method': 'POST',
    'http.route': '/openai/*',
    'http.response.status_code': 200,
    'url.path': '/openai/v1/chat/completions',
    'url.scheme': 'http',
    'postern.decision': 'allow',
    'postern.policy.id': 'research-small-models',
    'postern.route.id': 'openai',
    'postern.credential.stripped': ['header:authorization', 'query:key'],
    'postern.token.verified': true,
    'postern.token.cache.result': 'miss',
    'postern.trace.parent_source': 'none',
    'postern.stream.end': 'complete',
  });
  t.match(exchange.attributes, {
    'server.address': 'idp.example.com',
    'server.port': 443,
    'url.full': 'https://idp.example.com/token',
    'postern.token.grant': 'token_exchange',
    'postern.token.requested_audience': 'https://api.openai.com',
    'postern.token.scopes_requested': 'model.invoke model.read',
    'postern.token.scopes_granted': 'model.invoke',
    'postern.token.scope_reduced': true,
    'postern.token.expires_in': 300,
    'postern.token.id_hash': 'issued-id-hash',
    'postern.exchange.outcome': 'success',
    'postern.delegation.id': 'issued-id-hash',
  });
  t.match(attempt.attributes, {
    'http.request.method': 'POST',
    'http.response.status_code': 200,
    'server.address': 'api.openai.com',
    'server.port': 443,
    'url.full': 'https://api.openai.com/v1/chat/completions',
    'service.peer.name': 'openai',
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'gpt-5-mini',
    'postern.credential.kind': 'exchanged',
  });
  t.notOk('http.request.resend_count' in attempt.attributes, 'a first attempt is no resend');
});

test('times follow the clock and the attempt ends after its last byte', async (t) => {
  const world = await telemetryWorld(t);
  const call = armedCall(world.telemetry.observe);
  world.pass(5);
  const attempt = call.observation.attemptStarted(call, 0);
  world.pass(20);
  attempt.responded(200, ['content-type', 'text/event-stream']);
  world.pass(1_000);
  attempt.passed(Buffer.from('data: {}\n\n'));
  world.pass(2_000);
  attempt.ended('complete');
  call.observation.replied(reply(call));

  const span = await world.span('chat gpt-5-mini');
  const server = await world.span('POST /openai/*');
  t.equal(Math.round(server.start), arrivedAt);
  t.equal(Math.round(span.start - server.start), 5);
  t.equal(Math.round(span.end - span.start), 3_020);
  t.equal(span.attributes['gen_ai.response.time_to_first_chunk'], 1.02);
  t.equal(Math.round(server.end - server.start), 3_025, 'the SERVER span ends with the stream');
});

test('the trace of the caller is continued, and each outgoing request carries its own span', async (t) => {
  const world = await telemetryWorld(t);
  const { call, exchangeTraceparent, attemptTraceparent } = carryOut(world.telemetry.observe, {
    rawHeaders: traceparent(),
  });

  const server = await world.span('POST /openai/*');
  const exchange = await world.span('token_exchange');
  const attempt = await world.span('chat gpt-5-mini');
  t.equal(server.traceId, callerTrace);
  t.equal(server.parentSpanId, callerSpan);
  t.equal(server.attributes['postern.trace.parent_source'], 'traceparent');
  t.equal(exchangeTraceparent, `00-${callerTrace}-${exchange.spanId}-01`);
  t.equal(attemptTraceparent, `00-${callerTrace}-${attempt.spanId}-01`);
  t.equal(call.observation.span.spanId, server.spanId);
});

test('a linked caller gets a trace of ours, linked to its own', async (t) => {
  const world = await telemetryWorld(t, { telemetry: { traces: { parent: 'link' } } });
  carryOut(world.telemetry.observe, { rawHeaders: traceparent() });

  const server = await world.span('POST /openai/*');
  t.not(server.traceId, callerTrace);
  t.equal(server.parentSpanId, undefined);
  t.match(server.links, [{ traceId: callerTrace, spanId: callerSpan, attributes: { 'postern.link.type': 'caller' } }]);
});

test('an ignored caller leaves no trace in ours', async (t) => {
  const world = await telemetryWorld(t, { telemetry: { traces: { parent: 'ignore' } } });
  carryOut(world.telemetry.observe, { rawHeaders: traceparent() });

  const server = await world.span('POST /openai/*');
  t.not(server.traceId, callerTrace);
  t.strictSame(server.links, []);
});

test('an unsampled caller gets no spans, but metrics and an audit record', async (t) => {
  const world = await telemetryWorld(t);
  const { attemptTraceparent } = carryOut(world.telemetry.observe, { rawHeaders: traceparent('00') });

  t.strictSame(await world.spans(), []);
  t.match(attemptTraceparent, new RegExp(`^00-${callerTrace}-[0-9a-f]{16}-00$`));
  t.equal(world.audit.records()[0]?.['trace_id'], callerTrace);
  t.match(await world.telemetry.prometheus(), /http_server_request_duration_seconds_count\{.*\} 1/);
});

test('a denial is exported whatever the caller says of sampling, with the exchange that was denied', async (t) => {
  const world = await telemetryWorld(t);
  const call = permittedCall(world.telemetry.observe, { rawHeaders: traceparent('00') });
  const exchange = call.observation.exchangeStarted(call, {
    exchange: 'corp',
    grant: 'token_exchange',
    endpoint: 'https://idp.example.com/realm',
    audience: undefined,
    scopes: [],
  });
  exchange.asked('https://tokens.example.com/realm/token?tenant=a');
  const refusal = new Refusal('exchange_denied');
  exchange.failed(refusal, 'invalid_target');
  call.observation.refused(call, refusal);

  const server = await world.span('POST /openai/*');
  const denied = await world.span('token_exchange');
  t.equal(server.traceId, callerTrace);
  t.equal(server.attributes['postern.decision'], 'deny');
  t.equal(server.attributes['postern.denial.reason'], 'exchange_denied');
  t.equal(server.attributes['http.response.status_code'], 403);
  t.equal(server.status, 'unset', 'a 4xx is no error of the server');
  t.equal(denied.parentSpanId, server.spanId);
  t.equal(denied.status, 'error');
  t.match(denied.attributes, {
    'postern.exchange.outcome': 'denied',
    'postern.oauth.error': 'invalid_target',
    'error.type': 'invalid_target',
    'server.address': 'tokens.example.com',
    'url.full': 'https://tokens.example.com/realm/token', // as discovered, not the issuer's name
  });
});

test('always_sample_denials: false leaves denials to sampling', async (t) => {
  const world = await telemetryWorld(t, { telemetry: { traces: { always_sample_denials: false, sample_ratio: 0 } } });
  const call = world.telemetry.observe(arrival());
  call.observation.refused(stripped(call), new Refusal('token_expired'));
  t.strictSame(await world.spans(), []);
  t.equal(world.audit.lines.length, 1);
});

test('a refusal before routing is named by its method, and says the token was not accepted', async (t) => {
  const world = await telemetryWorld(t);
  const call = world.telemetry.observe(arrival());
  call.observation.refused(stripped(call), new Refusal('token_signature_invalid', { detail: 'kid k1' }));

  const server = await world.span('POST');
  t.match(server.attributes, {
    'postern.decision': 'deny',
    'postern.denial.reason': 'token_signature_invalid',
    'postern.denial.detail': 'kid k1',
    'postern.token.verified': false,
    'http.response.status_code': 401,
  });
  t.notOk('http.route' in server.attributes);
  t.notOk('postern.delegation.chain' in server.attributes, 'nothing unverified is told as a chain');
});

test('status: what fails is an error, what was decided or left is not', async (t) => {
  const world = await telemetryWorld(t);
  const outcomes: [string, Parameters<typeof reply>[1], 'unset' | 'error', string | undefined][] = [
    ['upstream 404', { status: 404 }, 'unset', undefined],
    ['upstream 503', { status: 503 }, 'error', '503'],
    ['client abort', { end: 'client_abort' }, 'unset', undefined],
    ['broken stream', { end: 'upstream_error' }, 'error', 'upstream_error'],
    ['idle stream', { end: 'timeout' }, 'error', 'timeout'],
    ['drained', { end: 'drained' }, 'unset', undefined],
  ];
  for (const [name, changes, status, errorType] of outcomes) {
    const call = armedCall(world.telemetry.observe, { route: { pattern: name } });
    call.observation.replied(reply(call, changes));
    const span = await world.span(`POST ${name}`);
    t.equal(span.status, status, name);
    t.equal(span.attributes['error.type'], errorType, name);
  }
  const failed = permittedCall(world.telemetry.observe, { route: { pattern: 'gate' } });
  failed.observation.refused(failed, new Refusal('issuer_unreachable'));
  const span = await world.span('POST gate');
  t.equal(span.status, 'error');
  t.equal(span.attributes['postern.decision'], 'error');
  t.equal(span.attributes['error.type'], 'issuer_unreachable');
});

test('attempts: a 4xx is an error there, a caller that left is not, a resend is counted', async (t) => {
  const world = await telemetryWorld(t);
  const call = armedCall(world.telemetry.observe, { facts: { model: 'first' } });
  const first = call.observation.attemptStarted(call, 0);
  first.responded(401, []);
  first.ended('complete');
  const again = armedCall(() => call, { facts: { model: 'second' } });
  const second = call.observation.attemptStarted(again, 1);
  second.responded(200, []);
  second.ended('client_abort', new Refusal('upstream_unreachable'));
  const third = call.observation.attemptStarted(
    armedCall(() => call, { facts: { model: 'third' } }),
    2,
  );
  third.ended('upstream_error', new Refusal('upstream_unreachable'));
  call.observation.replied(reply(call));

  const spans = await Promise.all(['chat first', 'chat second', 'chat third'].map((name) => world.span(name)));
  t.strictSame(
    spans.map((span) => [span.status, span.attributes['error.type'], span.attributes['http.request.resend_count']]),
    [
      ['error', '401', undefined],
      ['unset', undefined, 1],
      ['error', 'upstream_unreachable', 2],
    ],
  );
});

test('a credential from the cache links to the exchange that issued it', async (t) => {
  const world = await telemetryWorld(t);
  const issuedIn = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
  for (const cache of ['hit', 'coalesced'] as const) {
    carryOut(world.telemetry.observe, { cache, credential: { issuedIn }, route: { pattern: cache } });
    const server = await world.span(`POST ${cache}`);
    t.match(server.links, [
      { traceId: issuedIn.traceId, spanId: issuedIn.spanId, attributes: { 'postern.link.type': 'token_issued' } },
    ]);
    t.equal(server.attributes['postern.token.cache.result'], cache);
  }
  t.notOk(
    (await world.spans()).some((span) => span.name === 'token_exchange'),
    'no round trip, no span',
  );
});

test('MCP: the span is named by method and tool, the session id is only a digest', async (t) => {
  const world = await telemetryWorld(t);
  const call = armedCall(world.telemetry.observe, {
    route: { provider: undefined, dialect: 'mcp', id: 'tools' },
    facts: { operation: 'tools/call', tool: 'get-weather', model: undefined, mcpSession: 's-1', rpcId: '7' },
  });
  const attempt = call.observation.attemptStarted(call, 0);
  attempt.responded(200, ['Content-Type', 'application/json']);
  attempt.passed(Buffer.from('{"jsonrpc":"2.0","id":7,"result":{"isError":true,"content":[]}}'));
  attempt.ended('complete');
  call.observation.replied(reply(call));

  const span = await world.span('tools/call get-weather');
  t.match(span.attributes, {
    'mcp.method.name': 'tools/call',
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': 'get-weather',
    'jsonrpc.request.id': '7',
    'postern.mcp.session_hash': /^[0-9a-f]{16}$/,
    'error.type': 'tool_error',
  });
  t.equal(span.status, 'error');
});

test('an end is recorded once', async (t) => {
  const world = await telemetryWorld(t);
  const { call } = carryOut(world.telemetry.observe);
  call.observation.replied(reply(call));
  call.observation.refused(call, new Refusal('internal_fault'));
  t.equal((await world.spans()).filter((span) => span.kind === 'server').length, 1);
  t.equal(world.audit.lines.length, 1);
});

test('a failure inside telemetry does not reach the call', async (t) => {
  const world = await telemetryWorld(t);
  const call = armedCall(world.telemetry.observe);
  const broken = { ...reply(call), call: { ...call, chain: { ...call.chain, actors: undefined } } };
  t.doesNotThrow(() => Reflect.apply(call.observation.replied, call.observation, [broken]));
  t.match(await world.telemetry.prometheus(), /postern_telemetry_faults_total [1-9]/);
  t.equal(world.log.lines.filter((line) => line.level === 'error').length, 1, 'told once');
});
