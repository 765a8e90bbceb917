// An agent that forwards no credential at all, only its trace: which user its calls are for, and when they are nobody's.

import { test } from 'tap';
import { apiRoute, calls, type Document, type Places, told } from '../support/e2e-world.ts';
import { type AgentRequest, type Behaviour, continuing, startInboundWorld } from '../support/inbound-world.ts';
import { clockAt, start } from '../support/sts-issuer.ts';

const callersTrace = '0af7651916cd43dd8448eb211c80319c';
const callersParent = `00-${callersTrace}-b7ad6b7169203331-01`;

const routes = (places: Places): Document => ({
  routes: [
    apiRoute(places, { subject_from: 'trace' }),
    apiRoute(places, { name: 'own', path: '/own', on_behalf_of: 'optional' }),
  ],
});

const traceOf = ({ headers }: AgentRequest) => String(headers['traceparent']).split('-')[1] ?? '';

const propagates: Behaviour = async (request, response, gate) => {
  const answer = await fetch(`${gate}/api/tickets`, { headers: continuing(request) });
  response.writeHead(answer.status).end(await answer.text());
};

test('the call is for who called in under this trace', async (t) => {
  const world = await startInboundWorld(t, { config: routes });
  world.agentBehind.behave(propagates);
  const answer = await world.callAgent({ headers: { traceparent: callersParent, tracestate: 'a=1', baggage: 'b=2' } });
  t.equal(answer.status, 200);
  t.match(world.upstream.received[0]?.claims, { sub: 'user:alice', act: { sub: 'agent:planner' } });

  const [asked] = world.agentBehind.received;
  const trace = asked === undefined ? '' : traceOf(asked);
  t.match(trace, /^[0-9a-f]{32}$/);
  t.not(trace, callersTrace, 'one that the caller does not know');
  t.match(asked?.headers['tracestate'], /^postern=[\w-]{22}$/, "the gate's own, and nothing of the caller's");
  t.notOk(asked?.headers['baggage']);

  const { records, spans } = await world.end();
  const [outbound, inbound] = calls(records);
  t.match(outbound, { binding: 'trace', subject: { sub: 'user:alice' }, trace_id: trace });
  t.equal(outbound?.['root_id'], inbound?.['root_id']);
  t.strictSame([...new Set(spans.map(({ traceId }) => traceId))], [trace], 'in and out are one trace');
  const server = spans.find(({ name }) => name === 'GET /*');
  t.match(server?.links, [{ traceId: callersTrace }], "which is linked to the caller's");
});

test('users at once do not meet, whatever trace they say they come with', async (t) => {
  const world = await startInboundWorld(t, { config: routes });
  const all = Promise.withResolvers<void>();
  world.agentBehind.behave(async (request, response, gate) => {
    if (world.agentBehind.received.length === 3) all.resolve();
    await all.promise;
    await propagates(request, response, gate);
  });
  const names = ['alice', 'bob', 'carol'];
  const answers = names.map(async (name) => {
    const headers = { traceparent: callersParent };
    return world.callAgent({ token: await world.user(name), path: `/${name}`, headers });
  });
  for (const answer of answers) t.equal((await answer).status, 200);
  const subjects = world.upstream.received.map(({ claims }) => String(claims['sub']));
  t.strictSame(
    subjects.toSorted(),
    names.map((name) => `user:${name}`),
  );
});

test('when the call is over, so is what its trace says', async (t) => {
  const clock = clockAt(start);
  const world = await startInboundWorld(t, { clock, config: routes });
  world.agentBehind.behave(propagates);
  await world.callAgent();
  const [asked] = world.agentBehind.received;
  const later = () => world.call('/api', { agent: null, user: null, headers: asked ? continuing(asked) : {} });
  clock.advance(4);
  t.equal((await later()).status, 200, 'what an agent does right after answering still counts');
  clock.advance(2);
  t.strictSame(told(await later()), [401, 'subject_required']);
  t.match(calls((await world.end()).records).at(-1), { reason: 'trace_subject_unknown' });
});

test('without a trace of ours there is nobody, and other routes never ask', async (t) => {
  const world = await startInboundWorld(t, { config: routes });
  const calling = (path: string, headers: Record<string, string>) =>
    world.call(path, { agent: null, user: null, headers });
  for (const headers of [{}, { traceparent: callersParent }, { traceparent: 'garbage' }]) {
    t.strictSame(told(await calling('/api', headers)), [401, 'subject_required']);
  }
  t.equal((await calling('/own', { traceparent: callersParent })).status, 200, 'the agent for itself, as ever');
  t.match(world.upstream.received, [{ claims: { sub: 'agent:planner' } }]);
});

test('it does not depend on whether spans are exported', async (t) => {
  const world = await startInboundWorld(t, { config: (places) => ({ ...routes(places), telemetry: {} }) });
  world.agentBehind.behave(propagates);
  const answer = await world.callAgent({ headers: { traceparent: callersParent } });
  t.equal(answer.status, 200);
  const [asked] = world.agentBehind.received;
  t.not(asked && traceOf(asked), callersTrace);
});

test('the proof stays between gate and agent: no upstream, span, record or log line has it', async (t) => {
  const world = await startInboundWorld(t, {
    config: (places) => ({
      routes: [apiRoute(places, { subject_from: 'trace' }), apiRoute(places, { name: 'b', path: '/b' })],
    }),
  });
  world.agentBehind.behave(async (request, response, gate) => {
    for (const path of ['/api/a', '/b', '/nowhere']) await fetch(`${gate}${path}`, { headers: continuing(request) });
    response.end();
  });
  await (await world.callAgent()).text();
  const [asked] = world.agentBehind.received;
  const nonce = String(asked?.headers['tracestate']).slice('postern='.length);
  t.equal(nonce.length, 22);
  t.equal(world.upstream.received.length > 0, true);
  const { records, spans } = await world.end();
  t.ok(calls(records).length > 1 && spans.length > 1);
  const told = world.upstream.received.map(({ rawHeaders, url, body }) => [url, rawHeaders, body.toString()]);
  t.notOk(world.upstream.received.some(({ headers }) => 'tracestate' in headers));
  t.notOk(JSON.stringify([told, records, spans, world.log]).includes(nonce));
});
