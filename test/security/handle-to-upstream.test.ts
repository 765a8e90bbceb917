// Attack: an agent (or what talks it into something) sends its handle to an upstream, in any place and on any route, also on one
// that forwards without a credential, to one without exchange, or to no route at all. No upstream may ever receive it.

import { test } from 'tap';
import { apiRoute, startE2e } from '../support/e2e-world.ts';
import { startInboundWorld } from '../support/inbound-world.ts';

test('whatever it is put in, an upstream does not receive it', async (t) => {
  const world = await startInboundWorld(t, {
    config: (places) => ({
      routes: [
        apiRoute(places, { headers: { forward: ['x-note', 'my-note'] } }),
        apiRoute(places, { name: 'bare', path: '/bare', exchange: 'none', placement: 'none', ...bare }),
        apiRoute(places, { name: 'others', path: '/others', allow: [{ id: 'nobody', when: 'false' }] }),
      ],
    }),
  });
  await world.callAgent();
  const handle = world.agentBehind.received[0]?.handle ?? '';
  const before = world.upstream.received.length;
  const places: [string, Record<string, string>, string][] = [
    ['bearer', { authorization: `Bearer ${handle}` }, ''],
    ['basic', { authorization: `Basic ${btoa(`agent:${handle}`)}` }, ''],
    ['a key slot', { 'x-api-key': handle, 'api-key': handle }, ''],
    ['a header that is forwarded', { 'x-note': handle }, ''],
    ['in the midst of one', { 'x-note': `see ${handle} there`, 'my-note': `["${handle}"]` }, ''],
    ['user agent', { 'user-agent': `agent/1 (${handle})` }, ''],
    ['cookie', { cookie: `a=b; note=${handle}` }, ''],
    ['query', {}, `?key=${handle}`],
    ['another parameter', {}, `?note=${handle}&q=1`],
    ['several at once', { 'x-note': handle, authorization: `Bearer ${handle}` }, `?token=${handle}`],
  ];
  for (const route of ['/api', '/bare', '/others', '/nowhere']) {
    for (const [, headers, query] of places) {
      await world.call(`${route}/tickets${query}`, { agent: null, user: null, headers });
    }
  }
  const received = world.upstream.received.slice(before);
  t.ok(received.length >= places.length, 'calls did arrive');
  t.notOk(JSON.stringify(received).includes(handle.slice(4, 30)));
  const { records, spans } = await world.end();
  t.notOk(JSON.stringify([records, spans, world.log]).includes(handle.slice(4, 30)), 'nor is it written down');
});

const bare = { audience: undefined, scopes: undefined };

test('a handle of nobody does not become a call of the agent itself', async (t) => {
  const world = await startE2e(t);
  const answer = await world.call('/api', { user: `psh_${'A'.repeat(43)}` });
  t.equal(answer.status, 401);
  t.strictSame(world.upstream.received, []);
});
