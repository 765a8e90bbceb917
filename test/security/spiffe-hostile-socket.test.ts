// Whoever can put a socket where the Workload API is expected (a shared host folder, a wrong mount) tries to hang the gate, to
// fill its memory, to keep it busy, or to have it send and log what it should not. Each call ends with one failure in bounded
// time and memory, and none of it appears in a message.

import { once } from 'node:events';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { createWorkloadApis } from '../../src/base/spiffe/workload-api.ts';
import { stoppedClock } from '../support/exchange-clock.ts';
import { certificateNamed, gateSpiffeId } from '../support/exchange-tls.ts';
import { begin, framed, messageOf, x509Message } from '../support/exchange-vendors/spiffe.ts';
import { recordingLog } from '../support/log.ts';
import { socketFolder } from '../support/socket-folder.ts';
import { failureOf } from '../support/spiffe-world.ts';
import { heldTimers } from '../support/timers.ts';

const question = { audience: 'https://idp.example.com', spiffeId: undefined };

function gateAt(t: Test, path: string) {
  const timers = heldTimers();
  const log = recordingLog();
  const apis = createWorkloadApis({ env: {}, clock: stoppedClock(), timers, log });
  t.teardown(() => apis.close());
  const api = apis.open(`unix://${path}`, () => {});
  if (api === undefined) throw new TypeError('no Workload API');
  return { api, timers, log };
}

/** Lets everything happen that needs no time. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A peer that speaks HTTP/2, and whatever `serve` does. */
async function hostile(t: Test, serve: (stream: ServerHttp2Stream) => void) {
  const path = join(socketFolder(t), 'agent.sock');
  const server = createHttp2Server();
  const sessions = new Set<{ destroy(): void }>();
  let calls = 0;
  server.on('session', (session) => sessions.add(session.on('error', () => {})));
  server.on('stream', (stream) => {
    calls += 1;
    serve(stream.on('error', () => {}));
  });
  server.listen(path);
  await once(server, 'listening');
  t.teardown(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { ...gateAt(t, path), calls: () => calls };
}

/** A peer that speaks nothing known. */
async function raw(t: Test, serve: (socket: Socket) => void) {
  const path = join(socketFolder(t), 'agent.sock');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    serve(socket);
  });
  server.listen(path);
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return gateAt(t, path);
}

test('bytes that are no HTTP/2', async (t) => {
  const { api } = await raw(t, (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nCANARY'));
  const failure = await failureOf(api.jwtSvid(question)());
  t.equal(failure.kind, 'unreachable');
  t.notMatch(failure.message, /CANARY/);
});

test('a peer that accepts and hangs up, or says nothing', async (t) => {
  const gone = await raw(t, (socket) => socket.destroy());
  t.match(await failureOf(gone.api.jwtSvid(question)()), { kind: 'unreachable' });

  const silent = await raw(t, () => {});
  const set = silent.timers.set(5_000);
  const failed = failureOf(silent.api.jwtSvid(question)());
  await set;
  silent.timers.fire(5_000);
  t.match(await failed, { kind: 'timeout' });
});

test('a message that claims more than may be, and one that never ends', async (t) => {
  const claim = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
  const { api } = await hostile(t, (stream) => {
    begin(stream);
    stream.write(claim);
  });
  t.match(await failureOf(api.jwtSvid(question)()), { kind: 'too_large' });
  t.match(await failureOf(api.x509Svid(undefined)), { kind: 'too_large' });
});

test('an answer that goes on for ever is cut at the second message', async (t) => {
  let sent = 0;
  const message = messageOf('JWTSVIDResponse', {
    svids: [{ spiffe_id: gateSpiffeId, svid: `a.e30.${'x'.repeat(8_000)}` }],
  });
  const { api } = await hostile(t, (stream) => {
    begin(stream);
    const more = () => {
      while (!stream.destroyed && sent < 100_000 && stream.write(message)) sent += 1;
    };
    stream.on('drain', more);
    more();
  });
  t.match(await failureOf(api.jwtSvid(question)()), { kind: 'malformed', message: /more than once/ });
  t.ok(sent < 1_000, `${sent} messages left the peer`);
});

test('rotation without end: the gate takes one message at a time and makes the peer wait', async (t) => {
  let sent = 0;
  const message = x509Message([[gateSpiffeId, certificateNamed('svid-1')]]);
  const { api, timers } = await hostile(t, (stream) => {
    begin(stream);
    const more = () => {
      while (!stream.destroyed && sent < 1_000_000 && stream.write(message)) sent += 1;
    };
    stream.on('drain', more);
    more();
  });
  t.match(await api.x509Svid(undefined), { spiffeId: gateSpiffeId });
  for (let round = 0; round < 3; round += 1) {
    const next = timers.set(100);
    timers.fire(100);
    await next;
    await turns(200); // what is on its way fills the window of the connection, and then
    const before = sent;
    await turns(200);
    t.equal(sent, before, 'nothing is read until the pause is over');
  }
  t.ok(sent < 10_000, `${sent} messages left the peer`);
});

test('half a message, no status, a status without a message', async (t) => {
  const half = await hostile(t, (stream) => {
    begin(stream);
    stream.end(framed(Buffer.alloc(100)).subarray(0, 50));
  });
  t.match(await failureOf(half.api.jwtSvid(question)()), { kind: 'malformed', message: /half a message/ });

  const bare = await hostile(t, (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.end(framed(Buffer.alloc(0)));
  });
  t.match(await failureOf(bare.api.jwtSvid(question)()), { kind: 'unreachable', message: /connection ended/ });

  const reset = await hostile(t, (stream) => {
    begin(stream);
    stream.close(2);
  });
  t.match(await failureOf(reset.api.jwtSvid(question)()), { kind: 'unreachable' });
});

test('another service than the Workload API: a page, a redirect, another type', async (t) => {
  for (const headers of [
    { ':status': 200, 'content-type': 'text/html' },
    { ':status': 302, location: 'http://evil.example/CANARY' },
    { ':status': 200, 'content-type': 'application/grpc-web' },
    { ':status': 503, 'content-type': 'application/grpc' },
  ]) {
    const { api, calls } = await hostile(t, (stream) => {
      stream.respond(headers);
      stream.end('CANARY');
    });
    const failure = await failureOf(api.jwtSvid(question)());
    t.match(failure, { kind: 'malformed', message: /no Workload API/ });
    t.notMatch(failure.message, /CANARY|evil/);
    t.equal(calls(), 1);
  }
});

test('pushed streams and a great many headers end the connection, not the gate', async (t) => {
  const { api } = await hostile(t, (stream) => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`x-${at}`, 'y'.repeat(100)]));
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...many });
  });
  t.match(await failureOf(api.jwtSvid(question)()), { name: 'WorkloadFailure' });
});

test('a key that was received is in no failure, log line or serialised object', async (t) => {
  const { der, key } = certificateNamed('svid-1');
  const message = messageOf('X509SVIDResponse', {
    svids: [{ spiffe_id: gateSpiffeId, x509_svid: certificateNamed('svid-2').der.certificate, x509_svid_key: der.key }],
  });
  const { api, log } = await hostile(t, (stream) => {
    begin(stream);
    stream.write(message);
  });
  const failure = await failureOf(api.x509Svid(undefined));
  const { inspect } = await import('node:util');
  const told = inspect([failure, failure.stack, log.lines], { depth: 9, showHidden: true });
  t.match(failure.message, /key does not belong/);
  for (const secret of [der.key.toString('base64').slice(20, 60), key.split('\n')[1] ?? 'none', 'PRIVATE']) {
    t.notMatch(told, secret);
  }
});
