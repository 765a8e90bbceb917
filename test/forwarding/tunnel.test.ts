// WebSocket tunnels, with a real client and a real server at the ends: the handshake is checked both ways, the frames are spliced.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import { type Test, test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { createAddressPolicy } from '../../src/base/addresses.ts';
import { credentialOf, type GateOptions, portOf, secretText } from '../support/forwarding-gate.ts';
import { startRawUpstream, type TestUpstream, tlsCert, tlsKey } from '../support/forwarding-upstream.ts';
import { forwardingWorld, until } from '../support/forwarding-world.ts';

interface SocketUpstream extends TestUpstream {
  readonly server: Server;
  /** The next connection the upstream accepted. */
  accepted(): Promise<WebSocket>;
}

async function socketUpstream(
  options: ConstructorParameters<typeof WebSocketServer>[0] = {},
  tls = false,
): Promise<SocketUpstream> {
  const server = tls ? createTlsServer({ key: tlsKey, cert: tlsCert }) : createServer();
  const requests: IncomingMessage[] = [];
  const sockets = new Set<Socket>();
  const opened: WebSocket[] = [];
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const ws = new WebSocketServer({ ...options, server });
  ws.on('connection', (socket, request) => {
    requests.push(request);
    opened.push(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server.address());
  return {
    origin: tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    server,
    requests,
    sockets,
    async accepted() {
      await until(() => opened.length > 0);
      const [next] = opened.splice(0, 1);
      if (next === undefined) throw new TypeError('nobody connected');
      return next;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      ws.close();
      server.close();
    },
  };
}

async function world(t: Test, options: Partial<GateOptions> = {}, upstream?: TestUpstream) {
  return forwardingWorld(t, upstream ?? (await socketUpstream()), options);
}

function open(gateUrl: string, protocols: string[] = [], options: object = {}): WebSocket {
  const socket = new WebSocket(`${gateUrl.replace('http', 'ws')}/things/live?x=1`, protocols, options);
  socket.on('error', () => {});
  return socket;
}

async function refusalOf(socket: WebSocket): Promise<string> {
  const [, answer] = await once(socket, 'unexpected-response');
  answer.resume();
  return `${answer.statusCode} ${answer.headers['postern-reason']}`;
}

test('messages go both ways, text and binary, with compression agreed between the ends', async (t) => {
  const upstream = await socketUpstream({ perMessageDeflate: { threshold: 0 } });
  const { gate } = await world(t, {}, upstream);
  const agent = open(gate.url, [], { perMessageDeflate: { threshold: 0 } });
  await once(agent, 'open');
  const far = await upstream.accepted();
  t.match(agent.extensions, /permessage-deflate/);

  agent.send('hello '.repeat(50));
  t.equal((await once(far, 'message'))[0].toString(), 'hello '.repeat(50));
  far.send(Buffer.from([0, 1, 2, 255]));
  t.strictSame((await once(agent, 'message'))[0], Buffer.from([0, 1, 2, 255]));
  t.match(gate.forwarding.stats(), { tunnels: 1 });

  agent.close(1000, 'done');
  const [code, reason] = await once(far, 'close');
  t.strictSame([code, reason.toString()], [1000, 'done']);
  t.match(await gate.ended(), { status: 101, end: 'complete' });
  t.match(gate.attempts, [{ status: 101, ends: [['complete', undefined]] }]);
  t.match(gate.forwarding.stats(), { tunnels: 0 });
});

test('the upgrade carries the credential, the trace and the allowed headers, and nothing else of the agent', async (t) => {
  const upstream = await socketUpstream();
  const { gate } = await world(t, {}, upstream);
  const headers = {
    authorization: 'Bearer theirs',
    cookie: 'a=b',
    'x-kept': 'yes',
    'x-other': 'no',
    origin: 'http://x',
  };
  const agent = open(gate.url, [], { headers });
  await once(agent, 'open');
  const [request] = upstream.requests;
  t.equal(request?.url, '/v1/live?x=1');
  t.match(request?.headers, {
    authorization: `Bearer ${secretText}`,
    'x-kept': 'yes',
    host: new URL(upstream.origin).host,
    traceparent: gate.attempts[0]?.traceparent,
  });
  for (const name of ['cookie', 'x-other', 'origin']) t.equal(request?.headers[name], undefined, name);
  t.equal(request?.rawHeaders.filter((each) => each.toLowerCase() === 'host').length, 1);
  agent.terminate();
});

test('a credential in the query is placed there', async (t) => {
  const upstream = await socketUpstream();
  const change = () => ({ credential: credentialOf('a+b/c', { kind: 'query', name: 'key' }) });
  const { gate } = await world(t, { change }, upstream);
  const agent = open(gate.url);
  await once(agent, 'open');
  t.equal(upstream.requests[0]?.url, '/v1/live?x=1&key=a%2Bb%2Fc');
  agent.terminate();
});

test('subprotocols are offered as sanitised, and the chosen one is told', async (t) => {
  const upstream = await socketUpstream({ handleProtocols: (offered) => [...offered].at(-1) ?? false });
  const change = () => ({ subprotocols: ['realtime', 'beta.v1'] });
  const { gate } = await world(t, { change }, upstream);
  const agent = open(gate.url, ['realtime', 'openai-insecure-api-key.abc', 'beta.v1']);
  await once(agent, 'open');
  t.equal(upstream.requests[0]?.headers['sec-websocket-protocol'], 'realtime, beta.v1');
  t.equal(agent.protocol, 'beta.v1');
  agent.terminate();
});

test('TLS upstreams are verified', async (t) => {
  const trusting = await world(t, { ca: [tlsCert] }, await socketUpstream({}, true));
  const agent = open(trusting.gate.url);
  await once(agent, 'open');
  agent.terminate();
  const doubting = await world(t, {}, await socketUpstream({}, true));
  t.equal(await refusalOf(open(doubting.gate.url)), '502 upstream_unreachable');
});

test('a rejected credential is issued again and the upgrade asked once more', async (t) => {
  const upstream = await socketUpstream({
    verifyClient: ({ req }: { req: IncomingMessage }) => req.headers.authorization === 'Bearer fresh-credential',
  });
  const { gate } = await world(
    t,
    { rearm: async (call) => ({ ...call, credential: credentialOf('fresh-credential') }) },
    upstream,
  );
  const agent = open(gate.url);
  await once(agent, 'open');
  t.match(gate.attempts, [
    { resend: 0, status: 401 },
    { resend: 1, status: 101 },
  ]);
  agent.terminate();
});

test('an upstream that rejects every credential is not the agent’s 401', async (t) => {
  const { gate } = await world(t, {}, await socketUpstream({ verifyClient: () => false }));
  t.equal(await refusalOf(open(gate.url)), '502 upstream_rejected_credential');
});

test('AWS says with 403 and a header that it does not take the keys: they are renewed for an upgrade too', async (t) => {
  const upstream = await startRawUpstream((socket) => {
    socket.end('HTTP/1.1 403 Forbidden\r\nx-amzn-errortype: ExpiredTokenException\r\ncontent-length: 0\r\n\r\n');
  });
  const { gate } = await world(t, {}, upstream);
  t.equal(await refusalOf(open(gate.url)), '502 upstream_rejected_credential');
  t.match(gate.attempts, [
    { resend: 0, status: 403 },
    { resend: 1, status: 403 },
  ]);
});

for (const status of [200, 302, 403, 404, 500]) {
  test(`an upstream that answers ${status} to an upgrade has not upgraded`, async (t) => {
    const upstream = await startRawUpstream((socket) => {
      socket.end(`HTTP/1.1 ${status} X\r\ncontent-length: 2\r\nlocation: http://169.254.169.254/\r\n\r\nhi`);
    });
    const { gate } = await world(t, {}, upstream);
    t.equal(await refusalOf(open(gate.url)), '502 upstream_upgrade_failed');
    t.equal(gate.refusals[0]?.detail, `the upstream answered ${status}`);
  });
}

// ------------------------------------------------------------------------------------------------ who leaves first

test('an agent that vanishes takes the upstream’s side with it', async (t) => {
  const upstream = await socketUpstream();
  const { gate } = await world(t, {}, upstream);
  const agent = open(gate.url);
  await once(agent, 'open');
  const far = await upstream.accepted();
  agent.terminate();
  await once(far, 'close');
  await gate.ended();
  await until(() => upstream.sockets.size === 0);
  t.match(gate.forwarding.stats(), { tunnels: 0 });
});

test('an upstream that vanishes takes the agent’s side with it', async (t) => {
  const upstream = await socketUpstream();
  const { gate } = await world(t, {}, upstream);
  const agent = open(gate.url);
  await once(agent, 'open');
  (await upstream.accepted()).terminate();
  const [code] = await once(agent, 'close');
  t.equal(code, 1006);
  t.equal((await gate.ended()) !== undefined, true);
});

test('an upstream’s last message arrives although it closes at once', async (t) => {
  const upstream = await socketUpstream();
  const { gate } = await world(t, {}, upstream);
  const agent = open(gate.url);
  await once(agent, 'open');
  const far = await upstream.accepted();
  const last = 'x'.repeat(1_000_000);
  const message = once(agent, 'message');
  const closed = once(agent, 'close');
  far.send(last);
  far.close(1001, 'going away');
  t.equal((await message)[0].toString(), last);
  t.equal((await closed)[0], 1001);
});

test('an agent that leaves while the upstream decides is never told', async (t) => {
  const asked = Promise.withResolvers<Socket>();
  const { gate } = await world(t, {}, await startRawUpstream((socket) => asked.resolve(socket)));
  const agent = open(gate.url);
  const upstreamSide = await asked.promise;
  const closed = once(upstreamSide, 'close');
  agent.terminate();
  await closed;
  t.match(await gate.ended(), { status: 499, end: 'client_abort' });
});

test('a silent tunnel ends after the idle time', async (t) => {
  const upstream = await socketUpstream();
  const { gate } = await world(t, { route: { timeouts: { idleMs: 50, connectMs: 5_000 } } }, upstream);
  const agent = open(gate.url);
  await once(agent, 'close');
  t.match(await gate.ended(), { status: 101, end: 'timeout' });
  await until(() => upstream.sockets.size === 0);
  t.pass('both sides are closed');
});

test('an upstream that never decides is a timeout', async (t) => {
  const upstream = await startRawUpstream(() => {});
  const { gate } = await world(t, { route: { timeouts: { idleMs: 50, connectMs: 5_000 } } }, upstream);
  t.equal(await refusalOf(open(gate.url)), '504 upstream_timed_out');
});

test('a fast sender waits for a slow reader', async (t) => {
  const upstream = await socketUpstream();
  const { gate } = await world(t, {}, upstream);
  const agent = open(gate.url);
  await once(agent, 'open');
  const far = await upstream.accepted();
  agent.pause();
  const chunk = Buffer.alloc(1_048_576);
  for (let sent = 0; sent < 64; sent += 1) far.send(chunk);
  let last = -1;
  for (let quiet = 0; quiet < 500; quiet += 1) {
    await new Promise(setImmediate);
    if (far.bufferedAmount !== last) quiet = 0;
    last = far.bufferedAmount;
  }
  t.ok(last > 40 * chunk.length, `${last} bytes wait at the upstream, not in the gate`);
  let received = 0;
  agent.on('message', () => {
    received += 1;
  });
  agent.resume();
  await until(() => received === 64);
  agent.terminate();
});

// ------------------------------------------------------------------------------------------------ limits

test('tunnels beyond the limit of their route are refused', async (t) => {
  const upstream = await socketUpstream();
  const { gate } = await world(t, { route: { maxConnections: 1 } }, upstream);
  const agent = open(gate.url);
  await once(agent, 'open');
  t.equal(await refusalOf(open(gate.url)), '503 upstream_overloaded');
  agent.terminate();
});

test('closing now cuts tunnels', async (t) => {
  const upstream = await socketUpstream();
  const { gate } = await world(t, {}, upstream);
  const agent = open(gate.url);
  await once(agent, 'open');
  const closed = once(agent, 'close');
  await gate.forwarding.closeNow();
  await closed;
  t.match(gate.replies, [{ status: 101, end: 'drained' }]);
});

test('a refused address is never connected', async (t) => {
  for (const host of ['127.0.0.1', 'localhost']) {
    const upstream = await socketUpstream();
    const origin = upstream.origin.replace('127.0.0.1', host);
    const addresses = createAddressPolicy({ deny: ['127.0.0.0/8', '::1/128'] });
    const { gate } = await world(t, { addresses, route: { origin } }, upstream);
    t.equal(await refusalOf(open(gate.url)), '502 upstream_address_refused', host);
    t.equal(upstream.sockets.size, 0);
  }
});

// ------------------------------------------------------------------------------------------------ broken offers

const offers: Record<string, [string, string]> = {
  'another protocol': ['Upgrade: h2c', '400 upgrade_not_allowed'],
  'no key': ['Upgrade: websocket\r\nSec-WebSocket-Version: 13', '400 request_malformed'],
  'a key that is none': [
    'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x',
    '400 request_malformed',
  ],
  'two keys': [
    `Upgrade: websocket\r\nSec-WebSocket-Version: 13${'\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='.repeat(2)}`,
    '400 request_malformed',
  ],
  'an old version': [
    'Upgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    '400 request_malformed',
  ],
};

for (const [name, [lines, expected]] of Object.entries(offers)) {
  test(`an upgrade with ${name} is refused and not asked`, async (t) => {
    const upstream = await socketUpstream();
    const { gate } = await world(t, {}, upstream);
    const socket = connect(Number(new URL(gate.url).port), '127.0.0.1');
    socket.write(`GET /things/live HTTP/1.1\r\nHost: gate\r\nConnection: Upgrade\r\n${lines}\r\n\r\n`);
    const [answer] = await once(socket, 'data');
    const [, status] = /^HTTP\/1\.1 (\d+)/.exec(answer.toString()) ?? [];
    t.equal(`${status} ${gate.refusals[0]?.reason}`, expected);
    t.equal(upstream.sockets.size, 0);
    socket.destroy();
  });
}
