import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { test } from 'tap';
import { startMcp } from '../../demo/upstreams/mcp.ts';
import { startUpstream, traceparent } from '../support/demo-world.ts';
import { rejection } from '../support/rejection.ts';

function connect(url: string, authorization: string) {
  const client = new Client({ name: 'demo-test', version: '1.0.0' });
  const headers = { authorization, traceparent };
  const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit: { headers } });
  return { client, connected: client.connect(transport) };
}

test('the real server answers behind the token check', async (t) => {
  const { upstream, token } = await startUpstream(t, startMcp, 'tools.call');
  const { client, connected } = connect(upstream.url, `Bearer ${await token()}`);
  await connected;
  const { tools } = await client.listTools();
  t.ok(tools.some(({ name }) => name === 'echo'));
  const result = await client.callTool({ name: 'echo', arguments: { message: 'hello' } });
  t.match(result.content, [{ type: 'text', text: 'Echo: hello' }]);
  const environment = await client.callTool({ name: 'get-env', arguments: {} });
  t.notMatch(JSON.stringify(environment), /HOME|npm_/, 'it has nothing of our environment to tell');
  await client.close();

  const facts = upstream.received();
  t.ok(facts.length >= 4);
  t.ok(facts.every(({ outcome }) => outcome === 'accepted'));
  t.match(facts[0], { path: '/mcp', hop: { sub: 'alice', scopes: ['tools.call'] }, traceparent });
});

test('without a good token the answer says where to get one', async (t) => {
  const { upstream, token } = await startUpstream(t, startMcp, 'tools.call');
  const post = async (headers: Record<string, string>) => {
    const response = await fetch(`${upstream.url}/mcp`, { method: 'POST', headers, body: '{}' });
    return { status: response.status, challenge: response.headers.get('www-authenticate') ?? '' };
  };
  const none = await post({});
  t.equal(none.status, 401);
  const metadata = /resource_metadata="([^"]+)"/.exec(none.challenge)?.[1] ?? '';
  t.match(await (await fetch(metadata)).json(), {
    resource: 'https://upstream.example',
    scopes_supported: ['tools.call'],
  });
  const wrong = await post({ authorization: `Bearer ${await token({ audience: 'other' })}` });
  t.match(wrong, { status: 401, challenge: /error="invalid_token"/ });
  const narrow = await post({ authorization: `Bearer ${await token({ scope: 'model.invoke' })}` });
  t.match(narrow, { status: 403, challenge: /error="insufficient_scope"/ });
  const { connected } = connect(upstream.url, 'Bearer nothing');
  t.match((await rejection(connected)).message, /401|Unauthorized|invalid_token/i);
});
