// Attack: on a route that takes its subject from the trace, a caller or a local process names a trace that is not its own: one it
// chose itself, one it saw in an upstream's log, one computed from ids it saw before, or one that is over.

import { test } from 'tap';
import { apiRoute, told } from '../support/e2e-world.ts';
import { startInboundWorld } from '../support/inbound-world.ts';
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

test('a trace seen upstream is worth nothing once the call is over', async (t) => {
  const clock = clockAt(start);
  const world = await startInboundWorld(t, {
    clock,
    inbound: { trace_grace: '0s' },
    config: (places) => ({ routes: [apiRoute(places, { subject_from: 'trace' })] }),
  });
  world.agentBehind.behave(async ({ headers }, response, gate) => {
    await fetch(`${gate}/api/a`, { headers: { traceparent: String(headers['traceparent']) } });
    response.end();
  });
  await (await world.callAgent()).text();
  const traceId = String(world.upstream.received[0]?.headers['traceparent']).split('-')[1] ?? '';
  const replayed = await world.call('/api/b', { agent: null, user: null, headers: naming(traceId) });
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
    for (const value of [`${mine}, ${mine}`, mine.toUpperCase(), `${mine}-x`, mine.slice(0, -1)]) {
      answers.push(told(await fetch(`${gate}/api`, { headers: { traceparent: value } })));
    }
    answers.push(told(await fetch(`${gate}/api`, { headers: { traceparent: mine } })));
    response.end();
  });
  await (await world.callAgent()).text();
  t.strictSame(answers, [...Array.from({ length: 4 }, () => [401, 'subject_required']), [200, null]]);
});
