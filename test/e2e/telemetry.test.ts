// What a call leaves behind, as it arrives at the collector: one trace over gate, issuer and upstream, with every span ended,
// and an audit record that joins it.

import { test } from 'tap';
import type { DecodedSpan } from '../../demo/collector.ts';
import { startOpenAi } from '../../demo/upstreams/openai.ts';
import { holdStream, readStream } from '../support/e2e-stream.ts';
import { startVendor, traceId, traceparent } from '../support/e2e-vendor.ts';
import { apiRoute, calls, onlyCall, startE2e, told } from '../support/e2e-world.ts';
import { clockAt, start } from '../support/sts-issuer.ts';

const callersSpan = traceparent.split('-')[2];

function named(spans: readonly DecodedSpan[], name: string): DecodedSpan {
  const found = spans.filter((span) => span.name === name);
  const [span] = found;
  if (span === undefined || found.length > 1) throw new Error(`${found.length} spans named ${name}`);
  return span;
}

/** Name, trace and span id of a `traceparent` header. */
function spanOf(header: unknown): readonly [string | undefined, string | undefined] {
  const [, trace, span] = String(header).split('-');
  return [trace, span];
}

test('one trace: caller, gate, issuer, upstream', async (t) => {
  const world = await startE2e(t);
  t.equal((await world.call('/api/things', { headers: { traceparent } })).status, 200);
  const { records, spans } = await world.end();

  const server = named(spans, 'GET /api/*');
  const exchange = named(spans, 'token_exchange');
  const attempt = named(spans, 'GET');
  t.equal(spans.length, 3);
  t.ok(spans.every((span) => span.traceId === traceId && span.end >= span.start));
  t.equal(server.parentSpanId, callersSpan);
  t.equal(exchange.parentSpanId, server.spanId);
  t.equal(attempt.parentSpanId, server.spanId);
  t.match([server.kind, exchange.kind, attempt.kind], ['server', 'client', 'client']);
  t.strictSame(spanOf(world.issuer.asked[0]?.headers['traceparent']), [traceId, exchange.spanId]);
  t.strictSame(spanOf(world.upstream.received[0]?.headers['traceparent']), [traceId, attempt.spanId]);

  t.match(onlyCall(records), { trace_id: traceId, span_id: server.spanId });
  t.match(server.attributes, {
    'http.route': '/api/*',
    'http.response.status_code': 200,
    'url.path': '/api/things',
    'postern.decision': 'allow',
    'postern.policy.id': 'anyone',
    'postern.delegation.chain': '>user:user:alice>agent:planner>',
    'postern.delegation.depth': 1,
    'postern.credential.stripped': ['header:authorization', 'header:postern-subject-token'],
    'postern.token.cache.result': 'miss',
    'postern.stream.end': 'complete',
  });
  t.match(exchange.attributes, {
    'postern.token.grant': 'token_exchange',
    'postern.token.requested_audience': 'api',
    'postern.exchange.outcome': 'success',
  });
  t.match(attempt.attributes, { 'http.response.status_code': 200, 'postern.credential.kind': 'exchanged' });
});

test('a caller without a trace begins one, and what is forwarded is ours alone', async (t) => {
  const world = await startE2e(t);
  await world.call('/api', { headers: { tracestate: 'vendor=1', baggage: 'user=alice', b3: '1-2-1' } });
  const { spans } = await world.end();
  const headers = new Map(Object.entries(world.upstream.received[0]?.headers ?? {}));
  t.equal(new Set(spans.map((span) => span.traceId)).size, 1);
  t.strictSame(spanOf(headers.get('traceparent')), [spans[0]?.traceId, named(spans, 'GET').spanId]);
  for (const name of ['tracestate', 'baggage', 'b3']) t.notOk(headers.has(name), `${name} stays inside`);
});

test('a cached credential links to the exchange it came from', async (t) => {
  const world = await startE2e(t);
  const same = { agent: await world.agent(), user: await world.user() };
  await world.call('/api', same);
  await world.call('/api', { ...same, headers: { traceparent } });
  const { spans } = await world.end();
  const exchange = named(spans, 'token_exchange');
  const second = spans.find((span) => span.kind === 'server' && span.traceId === traceId);
  t.match(second?.attributes, { 'postern.token.cache.result': 'hit' });
  t.match(second?.links, [{ traceId: exchange.traceId, spanId: exchange.spanId }]);
});

test('a second attempt is a span of its own, under a fresh exchange', async (t) => {
  const clock = clockAt(start);
  const world = await startE2e(t, { clock });
  let count = 0;
  world.upstream.answerWith((response) => {
    count += 1;
    clock.advance(10);
    response.writeHead(count === 1 ? 401 : 200).end();
  });
  await world.call('/api');
  const { spans } = await world.end();
  const attempts = spans.filter(({ name }) => name === 'GET').sort((a, b) => a.start - b.start);
  t.match(
    attempts.map(({ attributes }) => [
      attributes['http.response.status_code'],
      attributes['http.request.resend_count'],
    ]),
    [
      [401, undefined],
      [200, 1],
    ],
  );
  t.equal(spans.filter(({ name }) => name === 'token_exchange').length, 2);
});

test('a streamed model call: usage and first chunk, read as the stream passes', async (t) => {
  const world = await startVendor(t, {
    preset: 'openai',
    audience: 'https://api.openai.com',
    scope: 'model.invoke',
    start: startOpenAi,
  });
  const answer = await world.call('/openai/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'gpt-5-mini',
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: 'user', content: 'What is a secret prompt?' }],
    }),
  });
  t.match(await answer.text(), /data: \[DONE\]/);
  const { spans } = await world.end();
  t.match(named(spans, 'chat gpt-5-mini').attributes, {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'gpt-5-mini',
    'gen_ai.response.model': 'gpt-5-mini',
    'gen_ai.response.id': /^chatcmpl-/,
    'gen_ai.response.finish_reasons': ['stop'],
    'gen_ai.usage.input_tokens': 5,
    'gen_ai.usage.output_tokens': 11,
    'gen_ai.response.time_to_first_chunk': Number,
  });
  const exported = Buffer.concat(world.collector.rawBytes()).toString('latin1');
  t.notMatch(exported, /secret prompt/, 'what was said is for the upstream alone');
});

test('a parent that is not sampled: calls go unrecorded, denials do not, and the audit has both', async (t) => {
  const world = await startE2e(t, {
    config: (places) => ({ routes: [apiRoute(places, { allow: [{ id: 'get', when: 'request.method == "GET"' }] })] }),
  });
  const headers = { traceparent: traceparent.replace(/01$/, '00') };
  t.equal((await world.call('/api', { headers })).status, 200);
  t.strictSame(told(await world.call('/api', { headers, method: 'POST' })), [403, 'access_denied']);
  const { records, spans } = await world.end();
  t.match(world.upstream.received[0]?.headers['traceparent'], /-00$/, 'the decision not to sample is passed on');
  t.match(
    spans.map(({ attributes }) => attributes['postern.decision']),
    ['deny'],
  );
  t.match(
    calls(records).map((record) => [record['decision'], record['trace_id']]),
    [
      ['allow', traceId],
      ['deny', traceId],
    ],
  );
});

test('where callers are not to decide, they do not', async (t) => {
  for (const parent of ['ignore', 'link']) {
    const world = await startE2e(t, {
      config: ({ collector }) => ({ telemetry: { endpoint: collector.url, traces: { parent } } }),
    });
    await world.call('/api', { headers: { traceparent: traceparent.replace(/01$/, '00') } });
    const server = named((await world.end()).spans, 'GET /api/*');
    t.not(server.traceId, traceId);
    t.strictSame(
      server.links.map((link) => [link.traceId, link.spanId]),
      parent === 'link' ? [[traceId, callersSpan]] : [],
    );
  }
});

test('an agent that leaves: the upstream is let go, every span ends, and it is no error', async (t) => {
  const world = await startE2e(t);
  const opening = holdStream(world.upstream);
  const leaving = new AbortController();
  const reader = readStream(await world.call('/api/stream', { signal: leaving.signal }));
  const stream = await opening;
  stream.send('data: one\n\n');
  await reader.until('one');
  leaving.abort();
  await stream.gone;

  const { records, spans } = await world.end();
  t.match(onlyCall(records), { end: 'client_abort', decision: 'allow' });
  t.equal(spans.length, 3);
  t.ok(spans.every((span) => span.end >= span.start && span.status !== 'error'));
  t.match(named(spans, 'GET').attributes, { 'postern.stream.end': 'client_abort', 'error.type': undefined });
  t.match(named(spans, 'GET /api/*').attributes, { 'postern.stream.end': 'client_abort' });
});

test('an agent that leaves before anything was answered ends the wait upstream too', async (t) => {
  const world = await startE2e(t);
  const arrived = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  world.upstream.answerWith((response) => {
    response.once('close', () => gone.resolve());
    arrived.resolve();
  });
  const leaving = new AbortController();
  const call = world.call('/api', { signal: leaving.signal });
  await arrived.promise;
  leaving.abort();
  await t.rejects(call, { name: 'AbortError' });
  await gone.promise;
  t.match(onlyCall((await world.end()).records), { status: 499, end: 'client_abort' });
});

test('/metrics and the pushed metrics tell the same calls, without naming anybody', async (t) => {
  const world = await startE2e(t);
  const same = { agent: await world.agent(), user: await world.user() };
  for (let i = 0; i < 3; i += 1) await (await world.call('/api', same)).text();
  await world.call('/nowhere');
  const page = await (await fetch(`${world.app.adminUrl}/metrics`)).text();
  t.match(page, /postern_token_cache_requests_total\{[^}]*hit[^}]*\} 2/);
  t.match(page, /postern_authorization_decisions_total\{[^}]*allow[^}]*\} 3/);
  t.match(page, /postern_authorization_decisions_total\{[^}]*route_unmatched[^}]*\} 1/);
  t.match(page, /http_server_active_requests[^\n]* 0\n/);
  t.notMatch(page, /alice|user:/);
  await world.end();
  const pushed = world.collector.metrics().find(({ name }) => name === 'postern.token_exchange.duration');
  t.equal(pushed?.points[0]?.count, 1);
});
