// What one worker begins another goes on with: sessions of MCP servers, and delegations whose agents carry no trace context.

import { test } from 'tap';
import { apiRoute } from '../support/e2e-world.ts';
import { startCrewWorld } from '../support/workers-world.ts';

const message = (method: string) => ({ jsonrpc: '2.0', id: 1, method, params: {} });

test('two workers, and what spans several calls', async (t) => {
  const world = await startCrewWorld(t, (places) => ({
    routes: [
      apiRoute(places),
      apiRoute(places, { preset: 'mcp', name: 'tools', path: '/tools' }),
      apiRoute(places, { name: 'ask', path: '/ask', audience: 'agent:researcher', scopes: [] }),
    ],
    telemetry: { endpoint: places.collector.url, subject: 'raw', correlation: { adopt: 'link' } },
  }));
  const [one, two] = await world.eachWorker();
  if (one === undefined || two === undefined) throw new Error('there are no two workers');
  world.upstream.answerWith((response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 's-1' });
    response.end('{"jsonrpc":"2.0","id":1,"result":{}}');
  });
  const mcp = { path: '/tools', headers: { 'content-type': 'application/json', accept: 'application/json' } };

  await t.test('a session begun at one is known to the other, and after a reload', async (t) => {
    const begun = await one.send({ ...mcp, body: message('initialize') });
    const session = String(begun.headers['mcp-session-id']);
    t.not(session, 's-1', 'sealed to its caller');
    const headers = { ...mcp.headers, 'mcp-session-id': session };
    t.equal((await two.send({ ...mcp, headers, body: message('tools/list') })).status, 200);
    await world.app.reload();
    t.equal((await two.send({ ...mcp, headers, body: message('tools/list') })).status, 200);
    t.strictSame(
      new Set(world.upstream.received.slice(-2).map((one) => one.headers['mcp-session-id'])),
      new Set(['s-1']),
    );
  });

  await t.test('a token obtained by one joins the hop that the other carries', async (t) => {
    t.equal(await one('/ask'), 200);
    const issued = world.upstream.received.at(-1)?.token ?? '';
    const researcher = `Bearer ${await world.agent('researcher')}`;
    t.equal(await two('/api', { authorization: researcher, 'postern-subject-token': issued }), 200);
    const { records, spans } = await world.end();
    const [first, second] = records.filter(
      ({ event, route }) => event === 'postern.access.allowed' && route !== 'tools',
    );
    t.equal(second?.['root_id'], first?.['root_id'], 'one delegation');
    const hop = spans.find(({ spanId }) => spanId === second?.['span_id']);
    t.match(hop?.links, [{ attributes: { 'postern.link.type': 'token_issued' } }]);
  });
});
