// Sockets to upstreams: addresses the policy refuses, TLS that cannot be verified, sessions that are resumed, silence.

import { once } from 'node:events';
import { createServer as createPlain } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { test } from 'tap';
import { portOf } from '../../support/forwarding-gate.ts';
import { tlsCert, tlsKey } from '../../support/forwarding-upstream.ts';
import { answer, ask, poolTo } from '../../support/http1-world.ts';

async function tlsServer(t: import('tap').Test) {
  const sockets: TLSSocket[] = [];
  const server = createServer({ key: tlsKey, cert: tlsCert }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', () => socket.write(answer(socket.isSessionReused() ? 'resumed' : 'new', 'connection: close')));
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: portOf(server.address()), sockets };
}

test('over TLS, with an authority of our own; the next connection resumes the session', async (t) => {
  const { port, sockets } = await tlsServer(t);
  const pool = poolTo(t, `https://localhost:${port}`, { ca: [tlsCert] });
  t.equal((await ask(pool)).body, 'new');
  t.equal((await ask(pool)).body, 'resumed');
  t.equal(sockets[0]?.servername, 'localhost');
  t.equal(sockets[0]?.alpnProtocol, false, 'a server that knows no protocols is taken as it is');
});

test('a certificate nobody vouches for ends it', async (t) => {
  const { port } = await tlsServer(t);
  const pool = poolTo(t, `https://localhost:${port}`);
  t.equal((await ask(pool)).body, 'DEPTH_ZERO_SELF_SIGNED_CERT');
});

test('a certificate of another name ends it', async (t) => {
  const { port } = await tlsServer(t);
  const pool = poolTo(t, `https://127.0.0.3:${port}`, { ca: [tlsCert] });
  const { body } = await ask(pool);
  t.match(body, /^(ERR_TLS_CERT_ALTNAME_INVALID|ECONNREFUSED)$/);
});

test('an address the policy refuses is not connected', async (t) => {
  for (const origin of ['http://169.254.169.254', 'http://[fe80::1]:8080', 'https://[::ffff:169.254.169.254]']) {
    t.equal((await ask(poolTo(t, origin))).body, 'ADDRESS_REFUSED', origin);
  }
});

test('a handshake that is never answered is given up', async (t) => {
  const server = createPlain((socket) => t.teardown(() => socket.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const pool = poolTo(t, `https://localhost:${portOf(server.address())}`, { connectMs: 30 });
  t.equal((await ask(pool)).body, 'CONNECT_TIMEOUT');
});
