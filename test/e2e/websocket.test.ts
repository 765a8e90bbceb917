// WebSockets through the gate: the same path as every call, then a tunnel. Subprotocols are negotiated end to end, credentials
// that hide among them are taken out, and either side's going ends the other.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { type Test, test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { apiRoute, calls, type Document, startE2e, type World } from '../support/e2e-world.ts';
import { tlsCert, tlsKey } from '../support/forwarding-upstream.ts';

interface SocketWorld extends World {
  /** Upgrade requests that reached the upstream. */
  readonly upgrades: { url: string; headers: Record<string, unknown> }[];
  readonly server: WebSocketServer;
}

/** A gate in front of a WebSocket server that says back what it hears, and prefers the last subprotocol offered. */
async function start(t: Test, route: Document = {}): Promise<SocketWorld> {
  const server = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => [...offered].at(-1) ?? false,
  });
  const upgrades: SocketWorld['upgrades'] = [];
  server.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  const world = await startE2e(t, {
    config: (places) => {
      places.upstream.onUpgrade((request, socket, head) => {
        upgrades.push({ url: request.url ?? '', headers: request.headers });
        server.handleUpgrade(request, socket, head, (ws) => server.emit('connection', ws, request));
      });
      return { routes: [apiRoute(places, { websocket: true, ...route })] };
    },
  });
  t.teardown(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return { ...world, upgrades, server };
}

async function open(t: Test, world: World, path: string, protocols: string[] = [], more: Record<string, string> = {}) {
  const headers = {
    authorization: `Bearer ${await world.agent()}`,
    'postern-subject-token': await world.user(),
    ...more,
  };
  const socket = new WebSocket(`${world.gate.replace('http', 'ws')}${path}`, protocols, { headers });
  t.teardown(() => socket.terminate());
  return socket;
}

async function opened(socket: WebSocket): Promise<void> {
  await once(socket, 'open');
}

/** Status and headers of a refused upgrade. */
async function refused(socket: WebSocket): Promise<[number | undefined, string | string[] | undefined]> {
  socket.on('error', () => {});
  const [, response] = await once(socket, 'unexpected-response');
  response.resume();
  return [response.statusCode, response.headers['postern-error']];
}

test('what is said goes both ways, text and binary, whole', async (t) => {
  const world = await start(t);
  const socket = await open(t, world, '/api/live?room=1');
  await opened(socket);
  socket.send('hello');
  const [text, isBinary] = await once(socket, 'message');
  t.equal(String(text), 'hello');
  t.equal(isBinary, false);
  const bytes = Buffer.alloc(200_000, 7);
  socket.send(bytes);
  const [echoed] = await once(socket, 'message');
  t.ok(bytes.equals(echoed));

  t.equal(world.upgrades[0]?.url, '/live?room=1');
  t.match(world.upgrades[0]?.headers['authorization'], /^Bearer eyJ/);
  t.notOk(world.upgrades[0]?.headers['postern-subject-token']);
  socket.close(1000, 'done');
  const [code] = await once(socket, 'close');
  t.equal(code, 1000, 'the close handshake passes too');
  t.match(calls((await world.end()).records), [{ status: 101, end: 'complete', cache: 'miss' }]);
});

test('the subprotocol the upstream chose is the one the agent is told', async (t) => {
  const world = await start(t);
  const socket = await open(t, world, '/api', ['chat.v1', 'chat.v2']);
  await opened(socket);
  t.equal(socket.protocol, 'chat.v2');
  t.equal(world.upgrades[0]?.headers['sec-websocket-protocol'], 'chat.v1, chat.v2');
});

test('a credential among the subprotocols is taken for the identity it is, and goes no further', async (t) => {
  const world = await start(t);
  const token = await world.agent();
  const protocols = ['realtime', `openai-insecure-api-key.${token}`];
  const socket = new WebSocket(`${world.gate.replace('http', 'ws')}/api`, protocols, {
    headers: { 'postern-subject-token': await world.user() },
  });
  t.teardown(() => socket.terminate());
  await opened(socket);
  t.equal(socket.protocol, 'realtime');
  t.equal(world.upgrades[0]?.headers['sec-websocket-protocol'], 'realtime');
  t.notMatch(JSON.stringify(world.upgrades[0]?.headers), token);
  socket.terminate();
  const { records } = await world.end();
  t.match(calls(records)[0]?.['stripped'], [/postern-subject-token/, /^subprotocol:/]);
});

test('a refused upgrade is an HTTP answer, and the upstream never hears of it', async (t) => {
  const world = await start(t, { allow: [{ id: 'none', when: 'false' }] });
  t.strictSame(await refused(await open(t, world, '/api')), [403, 'access_denied']);
  t.strictSame(await refused(await open(t, world, '/nowhere')), [404, 'route_not_found']);
  t.strictSame(await refused(await open(t, world, '/api', [], { authorization: 'Bearer nonsense' })), [
    401,
    'credential_invalid',
  ]);
  t.strictSame(world.upgrades, []);
});

test('a route without websocket: true upgrades nothing', async (t) => {
  const world = await start(t, { websocket: false });
  t.strictSame(await refused(await open(t, world, '/api')), [400, 'malformed_request']);
  t.match(calls((await world.end()).records), [{ reason: 'upgrade_not_allowed' }]);
});

test('an upstream that will not upgrade is told as what it is', async (t) => {
  const world = await startE2e(t, { config: (places) => ({ routes: [apiRoute(places, { websocket: true })] }) });
  t.strictSame(await refused(await open(t, world, '/api')), [502, 'upstream_error']);
});

test('the upstream going ends the agent, the agent going ends the upstream', async (t) => {
  const world = await start(t);
  const first = await open(t, world, '/api');
  await opened(first);
  for (const client of world.server.clients) client.close(1001, 'restart');
  const [code] = await once(first, 'close');
  t.equal(code, 1001);

  const connecting = once(world.server, 'connection');
  const second = await open(t, world, '/api');
  await opened(second);
  const [upstream] = await connecting;
  const gone = once(upstream, 'close');
  second.terminate();
  await gone;
  t.pass('no side is left open');
});

test('a stop of the gate waits for a socket to close, and no longer than the drain time', async (t) => {
  const world = await start(t);
  const socket = await open(t, world, '/api');
  await opened(socket);
  const ending = world.end();
  socket.send('still here');
  const [text] = await once(socket, 'message');
  t.equal(String(text), 'still here');
  socket.close();
  t.match(calls((await ending).records), [{ end: 'complete' }]);
});

/** The SDK's Realtime client speaks wss only, whatever the base URL: in front of a gate it needs somebody who ends TLS. */
async function endTls(t: Test, gate: string): Promise<string> {
  const { hostname, port } = new URL(gate);
  const sockets = new Set<Socket>();
  const front = createTlsServer({ key: tlsKey, cert: tlsCert }, (socket) => {
    const onward = connect(Number(port), hostname);
    for (const one of [socket, onward]) sockets.add(one.on('error', () => {}));
    socket.pipe(onward).pipe(socket);
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    front.close();
  });
  const address = front.address();
  return `https://localhost:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

test('OpenAI Realtime by its SDK: the model is policy, the key is the agent', async (t) => {
  const world = await start(t, {
    name: undefined,
    path: undefined,
    websocket: undefined,
    preset: 'openai',
    audience: 'https://api.openai.com',
    scopes: ['model.invoke'],
    allow: [{ id: 'realtime', when: 'request.operation == "realtime" && request.model == "gpt-realtime"' }],
  });
  world.server.on('connection', (socket) => {
    socket.send(JSON.stringify({ type: 'session.created', event_id: 'e1', session: { id: 's1' } }));
  });
  const client = new OpenAI({
    baseURL: `${await endTls(t, world.gate)}/openai/v1`,
    apiKey: await world.agent(),
  });
  const headers = { 'postern-subject-token': await world.user() };
  const realtime = new OpenAIRealtimeWS({ model: 'gpt-realtime', options: { headers, ca: tlsCert } }, client);
  t.teardown(() => realtime.close());
  const created = await new Promise((resolve, reject) => {
    realtime.on('session.created', resolve);
    realtime.on('error', reject);
  });
  t.match(created, { type: 'session.created' });
  t.equal(world.upgrades[0]?.url, '/v1/realtime?model=gpt-realtime');
  t.match(world.upgrades[0]?.headers['authorization'], /^Bearer eyJ/);
});
