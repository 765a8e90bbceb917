// Attack: on a route that takes its subject from the trace, a caller or a local process names a trace that is not its own: one it
// chose itself, one it saw in an upstream's log, one computed from ids it saw before, or one that is over. Or it has the agent
// continue the live trace of another's call, by a body the agent prefers to the header.

import { test } from 'tap';
import { apiRoute, calls, told } from '../support/e2e-world.ts';
import { continuing, startInboundWorld } from '../support/inbound-world.ts';
import { clockAt, start } from '../support/sts-issuer.ts';

const chosen = '11111111111111111111111111111111';
const naming = (traceId: string) => ({ traceparent: `00-${traceId}-2222222222222222-01` });

test('a trace that a caller chose names nobody, while its call is under way and after', async (t) => {
  const world = await startInboundWorld(t, {
    config: (places) => ({ routes: [apiRoute(places, { subject_from: 'trace' })] }),
  });
  const forged: (readonly [number, string | null])[] = [];
  const seen: string[] = [];
  world.agentBehind.behave(async ({ headers }, response) => {
    seen.push(String(headers['traceparent']).split('-')[1] ?? '');
    // A local accomplice of the caller, at the same moment.
    forged.push(told(await world.call('/api', { agent: null, user: null, headers: naming(chosen) })));
    response.end();
  });
  for (const name of ['mallory', 'alice']) {
    await world.callAgent({ token: await world.user(name), headers: naming(chosen) });
  }
  t.strictSame(forged, [
    [401, 'subject_required'],
    [401, 'subject_required'],
  ]);
  t.equal(new Set([chosen, ...seen]).size, 3, 'each call had a trace of its own');
  t.strictSame(world.upstream.received, []);
});

test('what the agent was given is worth nothing once the call is over', async (t) => {
  const clock = clockAt(start);
  const world = await startInboundWorld(t, {
    clock,
    inbound: { trace_grace: '0s' },
    config: (places) => ({ routes: [apiRoute(places, { subject_from: 'trace' })] }),
  });
  world.agentBehind.behave(async (request, response, gate) => {
    await fetch(`${gate}/api/a`, { headers: continuing(request) });
    response.end();
  });
  await (await world.callAgent()).text();
  const [asked] = world.agentBehind.received;
  const headers = asked === undefined ? {} : continuing(asked);
  const replayed = await world.call('/api/b', { agent: null, user: null, headers });
  t.strictSame(told(replayed), [401, 'subject_required']);
  t.equal(world.upstream.received.length, 1);
});

test('trace ids cannot be computed from earlier ones: Math.random has no part in them', async (t) => {
  const world = await startInboundWorld(t, {
    config: (places) => ({ routes: [apiRoute(places, { subject_from: 'trace' })] }),
  });
  world.agentBehind.behave((_request, response) => void response.end());
  const { random } = Math;
  t.teardown(() => {
    Math.random = random;
  });
  Math.random = () => 0.5;
  for (let i = 0; i < 3; i += 1) await world.callAgent();
  const traces = world.agentBehind.received.map(({ headers }) => String(headers['traceparent']).split('-')[1]);
  t.equal(new Set(traces).size, 3);
});

test('two traceparent headers, or a broken one, name nobody', async (t) => {
  const world = await startInboundWorld(t, {
    config: (places) => ({ routes: [apiRoute(places, { subject_from: 'trace' })] }),
  });
  const answers: (readonly [number, string | null])[] = [];
  world.agentBehind.behave(async ({ headers }, response, gate) => {
    const mine = String(headers['traceparent']);
    const tracestate = String(headers['tracestate']);
    for (const value of [`${mine}, ${mine}`, mine.toUpperCase(), `${mine}-x`, mine.slice(0, -1)]) {
      answers.push(told(await fetch(`${gate}/api`, { headers: { traceparent: value, tracestate } })));
    }
    answers.push(told(await fetch(`${gate}/api`, { headers: { traceparent: mine, tracestate } })));
    response.end();
  });
  await (await world.callAgent()).text();
  t.strictSame(answers, [...Array.from({ length: 4 }, () => [401, 'subject_required']), [200, null]]);
});

test("the live trace of alice's call, in a body the agent prefers, does not make mallory alice", async (t) => {
  const world = await startInboundWorld(t, {
    config: (places) => ({ routes: [apiRoute(places, { subject_from: 'trace' })] }),
  });
  const [working, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const answers: (readonly [number, string | null])[] = [];
  world.agentBehind.behave(async (request, response, gate) => {
    const preferred = request.body === '' ? {} : JSON.parse(request.body).params._meta;
    answers.push(told(await fetch(`${gate}/api`, { headers: { ...continuing(request), ...preferred } })));
    if (request.url === '/alice') {
      working.resolve();
      await done.promise;
    }
    response.end();
  });
  const alice = world.callAgent({ path: '/alice' });
  await working.promise;
  const traceparent = String(world.upstream.received[0]?.headers['traceparent']);
  const token = await world.user('mallory');
  for (const meta of [
    { traceparent },
    { traceparent, tracestate: `postern=${'A'.repeat(22)}` },
    { traceparent, tracestate: '' },
  ]) {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x', _meta: meta } });
    const headers = { 'content-type': 'application/json', ...meta };
    await (await world.callAgent({ path: '/mallory', token, method: 'POST', headers, body })).text();
  }
  // Nor does a local process that knows it get anywhere, with a proof it made up or with none.
  for (const headers of [{ traceparent }, { traceparent, tracestate: `postern=${'A'.repeat(22)}` }]) {
    answers.push(told(await world.call('/api', { agent: null, user: null, headers })));
  }
  done.resolve();
  await (await alice).text();
  t.strictSame(answers, [[200, null], ...Array.from({ length: 5 }, () => [401, 'subject_required'])]);
  t.match(world.upstream.received, [{ claims: { sub: 'user:alice' } }]);
  t.equal(world.upstream.received.length, 1);
  const refused = calls((await world.end()).records).filter(({ reason }) => reason === 'trace_subject_unknown');
  t.equal(refused.length, 5);
});
