// Messages that show a client certificate: on connections of their own, opened anew when the certificate is another, and
// never used by messages that show none.

import { once } from 'node:events';
import { createServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Test, test } from 'tap';
import { createAddressPolicy } from '../../src/base/addresses.ts';
import type { CertificatePair, ClientCertificate } from '../../src/base/certificate.ts';
import type { SendRequest } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { createSend } from '../../src/base/send.ts';
import { type CertificateName, certificateNamed, clientAuthority } from '../support/exchange-tls.ts';
import { portOf } from '../support/forwarding-gate.ts';
import { tlsCert, tlsKey } from '../support/forwarding-upstream.ts';
import { rejection } from '../support/rejection.ts';

const message: Omit<SendRequest, 'url'> = {
  method: 'POST',
  headers: {},
  body: 'x',
  maxBytes: 1_000,
  timeoutMs: 10_000,
};

function pairNamed(name: CertificateName): CertificatePair {
  const { certificate, key, fingerprint } = certificateNamed(name);
  return { chain: certificate, key: new Secret(key), fingerprint, expiresAt: Number.POSITIVE_INFINITY };
}

/** Takes certificates of the test authority and says which one it saw, on which connection. */
async function world(t: Test) {
  const sockets: unknown[] = [];
  const waiting: (() => void)[] = [];
  let isHeld = false;
  const options = { key: tlsKey, cert: tlsCert, ca: [clientAuthority], requestCert: true, rejectUnauthorized: false };
  const server = createServer(options, (request, response) => {
    // An https server gives TLS sockets; the type of the request does not say so.
    const socket = request.socket as TLSSocket;
    if (!sockets.includes(socket)) sockets.push(socket);
    const seen = { shown: socket.getPeerX509Certificate()?.fingerprint256, connection: sockets.indexOf(socket) };
    const answer = () => response.end(JSON.stringify(seen));
    if (isHeld) waiting.push(answer);
    else answer();
    server.emit('asked');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sender = createSend({ addresses: createAddressPolicy(), ca: [tlsCert] });
  t.teardown(async () => {
    await sender.close().catch(() => {}); // a story may have closed it
    server.closeAllConnections();
    server.close();
  });
  const url = `https://localhost:${portOf(server.address())}/token`;
  async function ask(identity?: ClientCertificate) {
    const { body } = await sender.send({ ...message, url, identity });
    const seen: { shown?: string; connection: number } = JSON.parse(Buffer.from(body).toString());
    return seen;
  }
  return {
    ask,
    asked: () => once(server, 'asked'),
    hold() {
      isHeld = true;
    },
    release() {
      isHeld = false;
      for (const answer of waiting.splice(0)) answer();
    },
    sender,
  };
}

test('each identity has connections of its own, and messages without one have theirs', async (t) => {
  const { ask } = await world(t);
  const gate = { current: async () => pairNamed('gate-1') };
  const same = { current: async () => pairNamed('gate-1') };
  const seen: Record<string, number[]> = { none: [], gate: [], same: [] };
  for (let round = 0; round < 5; round += 1) {
    const none = await ask();
    t.equal(none.shown, undefined);
    const shown = await ask(gate);
    t.equal(shown.shown, certificateNamed('gate-1').fingerprint);
    seen['none']?.push(none.connection);
    seen['gate']?.push(shown.connection);
    seen['same']?.push((await ask(same)).connection);
  }
  const connections = Object.values(seen).map((each) => new Set(each));
  for (const each of connections) t.ok(each.size < 5, 'kept for the next message');
  t.equal(
    new Set(connections.flatMap((each) => [...each])).size,
    connections.reduce((sum, { size }) => sum + size, 0),
  );
});

test('rotated: the next message is on a new connection, and one under way ends on the old', async (t) => {
  const { ask, asked, hold, release } = await world(t);
  let name: CertificateName = 'gate-1';
  const gate = { current: async () => pairNamed(name) };
  hold();
  const arrived = asked();
  const before = ask(gate);
  await arrived;
  name = 'gate-2';
  const next = asked();
  const after = ask(gate);
  await next;
  release();
  t.equal((await before).shown, certificateNamed('gate-1').fingerprint);
  t.equal((await after).shown, certificateNamed('gate-2').fingerprint);
  t.not((await before).connection, (await after).connection);
});

test('an identity that cannot be had sends nothing, and its own failure is told', async (t) => {
  const { ask } = await world(t);
  const why = new Error('no certificate');
  t.equal(await rejection(ask({ current: () => Promise.reject(why) })), why);
});

test('closing waits for what is under way on every identity', async (t) => {
  const { ask, asked, hold, release, sender } = await world(t);
  hold();
  const arrived = asked();
  const answer = ask({ current: async () => pairNamed('gate-1') });
  await arrived;
  const closed = sender.close();
  release();
  t.ok((await answer).shown);
  await closed;
});

for (const [alert, name] of [
  [42, 'bad certificate'],
  [48, 'unknown authority'],
  [116, 'certificate required'],
] as const) {
  test(`a handshake that ends with the alert "${name}" is told apart`, async (t) => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, alert])));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { send, close } = createSend({ addresses: createAddressPolicy(), ca: [tlsCert] });
    t.teardown(async () => {
      await close();
      server.close();
    });
    const url = `https://localhost:${portOf(server.address())}/`;
    const identity = { current: async () => pairNamed('stranger') };
    t.match(await rejection(send({ ...message, url, identity })), { kind: 'certificate_refused' });
  });
}
