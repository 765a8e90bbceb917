// Forwarding plain calls: what arrives at the upstream, what comes back, and what is recorded of it.

import { once } from 'node:events';
import { request as httpRequest, type RequestListener } from 'node:http';
import { test } from 'tap';
import { Refusal } from '../../src/base/errors.ts';
import type { ArmedCall } from '../../src/call.ts';
import { callWith } from '../support/forwarding-call.ts';
import { credentialOf, principalOf, secretText, startGate } from '../support/forwarding-gate.ts';
import { startUpstream, tlsCert } from '../support/forwarding-upstream.ts';
import { forwardingWorld, until } from '../support/forwarding-world.ts';

const echo: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString();
    const { method, url } = request;
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ method, url, body }));
  });
};

test('a call arrives with method, path, body and the placed credential', async (t) => {
  const { upstream, gate } = await forwardingWorld(t, echo);
  const answer = await fetch(`${gate.url}/things/a/b?c=d`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-kept': 'yes', 'x-other': 'no' },
    body: '{"model":"m"}',
  });
  t.strictSame(await answer.json(), { method: 'POST', url: '/v1/a/b?c=d', body: '{"model":"m"}' });
  const [received] = upstream.requests;
  t.match(received?.headers, {
    authorization: `Bearer ${secretText}`,
    'content-type': 'application/json',
    'content-length': '13',
    'x-kept': 'yes',
    'accept-encoding': 'identity',
    'x-request-id': '00000000-0000-4000-8000-000000000001',
    traceparent: gate.attempts[0]?.traceparent,
    host: new URL(upstream.origin).host,
  });
  t.equal(received?.headers['x-other'], undefined);
  t.equal(answer.headers.get('x-request-id'), '00000000-0000-4000-8000-000000000001');
});

test('the reply and the attempt tell what happened', async (t) => {
  const { gate } = await forwardingWorld(t, (request, response) => {
    request.resume();
    response.writeHead(200, { 'content-length': '5', 'request-id': 'req_1' }).end('hello');
  });
  await (await fetch(`${gate.url}/things/a`, { method: 'POST', body: 'abc' })).text();
  t.match(await gate.ended(), {
    status: 200,
    end: 'complete',
    bytesSent: 5,
    bytesReceived: 3,
    upstreamRequestId: 'req_1',
    call: { route: { id: 'things' } },
  });
  t.match(gate.attempts, [{ resend: 0, status: 200, passed: 5, ends: [['complete', undefined]] }]);
});

for (const status of [200, 204, 304, 307, 400, 403, 404, 429, 500, 503]) {
  test(`status ${status} passes`, async (t) => {
    const { gate } = await forwardingWorld(t, (_request, response) => {
      response.writeHead(status, { 'retry-after': '7', location: 'https://elsewhere.example/' }).end();
    });
    const answer = await fetch(`${gate.url}/things/a`, { redirect: 'manual' });
    t.equal(answer.status, status);
    t.equal(answer.headers.get('retry-after'), '7');
    t.equal(answer.headers.get('location'), null);
    t.match(await gate.ended(), { status, end: 'complete', bytesSent: 0 });
  });
}

test('HEAD keeps the length of what it does not send', async (t) => {
  const { gate } = await forwardingWorld(t, (_request, response) => {
    response.writeHead(200, { 'content-length': '12345' }).end();
  });
  const answer = await fetch(`${gate.url}/things/a`, { method: 'HEAD' });
  t.equal(answer.headers.get('content-length'), '12345');
  t.match(await gate.ended(), { end: 'complete', bytesSent: 0 });
});

test('informational answers are ignored', async (t) => {
  const { gate } = await forwardingWorld(t, (_request, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' });
    response.writeProcessing();
    response.end('final');
  });
  t.equal(await (await fetch(`${gate.url}/things/a`)).text(), 'final');
});

test('trailers of the upstream are dropped', async (t) => {
  const { gate } = await forwardingWorld(t, (_request, response) => {
    response.writeHead(200, { trailer: 'x-secret', 'content-type': 'text/plain' });
    response.write('body');
    response.addTrailers({ 'x-secret': secretText });
    response.end();
  });
  const request = httpRequest(`${gate.url}/things/a`).end();
  const [answer] = await once(request, 'response');
  answer.resume();
  await once(answer, 'end');
  t.strictSame(answer.trailers, {});
  t.equal(answer.headers.trailer, undefined);
});

test('TLS upstreams are verified against configured authorities', async (t) => {
  const upstream = await startUpstream(echo, { tls: true });
  const trusting = await startGate({ origin: upstream.origin, ca: [tlsCert] });
  const doubting = await startGate({ origin: upstream.origin });
  t.teardown(async () => {
    await trusting.close();
    await doubting.close();
    await upstream.close();
  });
  t.equal((await fetch(`${trusting.url}/things/a`)).status, 200);
  t.equal((await fetch(`${doubting.url}/things/a`)).status, 502);
  t.match(await doubting.ended(), { reason: 'upstream_unreachable' });
});

test('an upstream nobody listens on is unreachable', async (t) => {
  const { upstream, gate } = await forwardingWorld(t, echo);
  await upstream.close();
  t.equal((await fetch(`${gate.url}/things/a`)).status, 502);
  t.match(await gate.ended(), { reason: 'upstream_unreachable' });
  t.match(gate.attempts, [{ ends: [['upstream_error', 'upstream_unreachable']] }]);
});

test('a call that leaves the base of its route is not sent', async (t) => {
  const { upstream, gate } = await forwardingWorld(t, echo, {
    change: (call) => ({ upstream: { ...call.upstream, path: '/v10/a' } }),
  });
  t.equal((await fetch(`${gate.url}/things/a`)).status, 400);
  t.match(await gate.ended(), { reason: 'target_escapes_route' });
  t.equal(upstream.requests.length, 0);
});

test('a call for another origin than its route is not sent', async (t) => {
  const { upstream, gate } = await forwardingWorld(t, echo, {
    change: (call) => ({ upstream: { ...call.upstream, origin: 'http://127.0.0.1:9' } }),
  });
  await fetch(`${gate.url}/things/a`);
  t.match(await gate.ended(), { reason: 'target_escapes_route' });
  t.equal(upstream.requests.length, 0);
});

test('an empty credential is never sent', async (t) => {
  const { upstream, gate } = await forwardingWorld(t, echo, {
    change: () => ({ credential: credentialOf('', { kind: 'header', name: 'x-api-key', prefix: '' }) }),
  });
  await fetch(`${gate.url}/things/a`);
  t.match(await gate.ended(), { reason: 'secret_unavailable' });
  t.match(gate.attempts, [{ ends: [['upstream_error', 'secret_unavailable']] }]);
  t.equal(upstream.requests.length, 0);
});

test('a call beyond the places of its upstream is refused at once', async (t) => {
  const held: (() => void)[] = [];
  const { upstream, gate } = await forwardingWorld(t, (_request, response) => held.push(() => response.end('ok')), {
    route: { maxConnections: 1 },
  });
  const first = fetch(`${gate.url}/things/1`);
  const second = fetch(`${gate.url}/things/2`);
  await until(() => upstream.requests.length === 1 && gate.attempts.length === 2);
  t.match(gate.forwarding.stats(), { active: 1, queued: 1 });
  const third = await fetch(`${gate.url}/things/3`);
  t.equal(third.status, 503);
  t.match(gate.refusals, [{ reason: 'upstream_overloaded', retryAfter: 1 }]);
  t.equal(upstream.requests.length, 1);

  held.shift()?.();
  t.equal((await first).status, 200);
  await until(() => held.length > 0);
  held.shift()?.();
  t.equal((await second).status, 200);
  await gate.ended();
  await gate.ended();
  await gate.ended();
  t.match(gate.forwarding.stats(), { active: 0, queued: 0 });
});

// ------------------------------------------------------------------------------------------------ 401 (rule 4)

const picky: RequestListener = (request, response) => {
  request.resume();
  if (request.headers.authorization === 'Bearer fresh-credential') {
    echo(request, response);
    return;
  }
  response.writeHead(401, { 'www-authenticate': 'Bearer realm="upstream"' }).end('{"error":"bad token"}');
};

const rearmFresh = async (call: ArmedCall) => ({ ...call, credential: credentialOf('fresh-credential') });

test('a rejected credential is issued again and the call sent once more', async (t) => {
  const { upstream, gate } = await forwardingWorld(t, picky, { rearm: rearmFresh });
  const answer = await fetch(`${gate.url}/things/a`, { method: 'POST', body: 'again' });
  t.match(await answer.json(), { body: 'again' });
  t.match(await gate.ended(), { status: 200, call: { credential: credentialOf('fresh-credential') } });
  t.match(gate.attempts, [
    { resend: 0, status: 401, ends: [['complete', undefined]] },
    { resend: 1, status: 200, ends: [['complete', undefined]] },
  ]);
  t.notSame(upstream.requests[0]?.headers['traceparent'], upstream.requests[1]?.headers['traceparent']);
});

test('a second rejection is not the agent’s 401', async (t) => {
  const { upstream, gate } = await forwardingWorld(t, picky);
  const answer = await fetch(`${gate.url}/things/a`);
  t.equal(answer.status, 502);
  t.equal(answer.headers.get('www-authenticate'), null);
  t.match(await gate.ended(), { reason: 'upstream_rejected_credential' });
  t.equal(upstream.requests.length, 2);
});

test('a streamed body is not sent again, but the credential is forgotten', async (t) => {
  let rearmed = 0;
  const { upstream, gate } = await forwardingWorld(t, picky, {
    stream: true,
    rearm: (call) => {
      rearmed += 1;
      return rearmFresh(call);
    },
  });
  const answer = await fetch(`${gate.url}/things/a`, { method: 'POST', body: 'once' });
  t.equal(answer.status, 502);
  t.match(await gate.ended(), { reason: 'upstream_rejected_credential' });
  t.equal(rearmed, 1);
  t.equal(upstream.requests.length, 1);
});

test('what the issuer says when asked again is what the agent is told', async (t) => {
  const { gate } = await forwardingWorld(t, picky, {
    rearm: () => Promise.reject(new Refusal('issuer_unreachable')),
  });
  t.equal((await fetch(`${gate.url}/things/a`)).status, 503);
  t.match(await gate.ended(), { reason: 'issuer_unreachable' });
});

test('arming again must not change where a call goes', async (t) => {
  const { upstream, gate } = await forwardingWorld(t, picky, {
    rearm: async (call) => ({ ...call, upstream: { ...call.upstream, path: '/v1/other' } }),
  });
  await fetch(`${gate.url}/things/a`);
  t.match(await gate.ended(), { reason: 'internal_fault' });
  t.equal(upstream.requests.length, 1);
});

test('without a credential of ours a 401 is the upstream’s word and passes, without its challenge', async (t) => {
  const { gate } = await forwardingWorld(t, picky, {
    change: () => ({ credential: credentialOf('', { kind: 'none' }) }),
  });
  const answer = await fetch(`${gate.url}/things/a`);
  t.equal(answer.status, 401);
  t.equal(await answer.text(), '{"error":"bad token"}');
  t.equal(answer.headers.get('www-authenticate'), null);
});

test('a 403 passes without its challenge', async (t) => {
  const { gate } = await forwardingWorld(t, (_request, response) => {
    response.writeHead(403, { 'www-authenticate': 'Bearer error="insufficient_scope"' }).end('no');
  });
  const answer = await fetch(`${gate.url}/things/a`);
  t.equal(answer.status, 403);
  t.equal(answer.headers.get('www-authenticate'), null);
});

// ------------------------------------------------------------------------------------------------ MCP

test('MCP: the trace is put into the body and sessions are bound to their caller', async (t) => {
  const bodies: string[] = [];
  let caller = principalOf('agent');
  const { upstream, gate } = await forwardingWorld(
    t,
    async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      bodies.push(body);
      response.writeHead(200, { 'mcp-session-id': 'session-1', 'content-type': 'application/json' }).end('{}');
    },
    {
      route: { mcp: true },
      rewriteMeta: (body, traceparent) => Buffer.from(`${body.toString()} ${traceparent}`),
      change: () => ({ caller }),
    },
  );
  const first = await fetch(`${gate.url}/things/mcp`, { method: 'POST', body: 'initialize' });
  const session = first.headers.get('mcp-session-id') ?? '';
  t.match(session, /^session-1~/);
  t.strictSame(bodies, [`initialize ${gate.attempts[0]?.traceparent}`]);

  const headers = { 'mcp-session-id': session };
  const next = await fetch(`${gate.url}/things/mcp`, { method: 'POST', body: 'call', headers });
  t.equal(next.status, 200);
  t.equal(upstream.requests[1]?.headers['mcp-session-id'], 'session-1');

  caller = principalOf('another-agent');
  const stolen = await fetch(`${gate.url}/things/mcp`, { method: 'POST', body: 'call', headers });
  t.equal(stolen.status, 404);
  t.match(gate.refusals, [{ reason: 'mcp_session_unbound' }]);
  t.equal(upstream.requests.length, 2);
});

// ------------------------------------------------------------------------------------------------ the end

test('closing waits for live calls and refuses new ones', async (t) => {
  let answer: (() => void) | undefined;
  const { gate } = await forwardingWorld(t, (_request, response) => {
    response.write('begun ');
    answer = () => response.end('done');
  });
  const live = await fetch(`${gate.url}/things/a`);
  const closing = gate.forwarding.close();
  t.equal((await fetch(`${gate.url}/things/b`)).status, 503);
  t.match(gate.refusals, [{ reason: 'draining' }]);
  answer?.();
  t.equal(await live.text(), 'begun done');
  await closing;
});

test('closing now refuses what was not answered and cuts what was', async (t) => {
  const { upstream, gate } = await forwardingWorld(t, (request, response) => {
    if (request.url === '/v1/begun') response.write('begun ');
  });
  const begun = await fetch(`${gate.url}/things/begun`);
  const waiting = fetch(`${gate.url}/things/waiting`);
  await until(() => upstream.requests.length === 2);
  await gate.forwarding.closeNow();
  t.equal((await waiting).status, 503);
  await t.rejects(begun.text());
  t.match(gate.replies, [{ status: 200, end: 'drained' }]);
  t.match(gate.refusals, [{ reason: 'draining' }]);
  t.match(gate.forwarding.stats(), { active: 0, queued: 0 });
});

test('a route forwarding does not know is the gate’s own fault', async (t) => {
  const { gate } = await forwardingWorld(t, echo);
  const call = callWith([], { route: { ...callWith().route, id: 'unknown' } });
  await t.rejects(gate.forwarding.forward(call), { name: 'Refusal', reason: 'internal_fault' });
});
