// Attack: an upstream answers a WebSocket upgrade with a handshake that is not ours: a cached or replayed 101, a subprotocol or
// extension nobody offered (subprotocols are where credentials hide), or headers that would set state at the gate.
// Held by: the 101 is checked against this call's offer and written anew; what does not fit is a failed upgrade.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'tap';
import { secretText } from '../support/forwarding-gate.ts';
import { startRawUpstream } from '../support/forwarding-upstream.ts';
import { forwardingWorld } from '../support/forwarding-world.ts';

const key = 'dGhlIHNhbXBsZSBub25jZQ==';
const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const fitting = ['Connection: Upgrade', 'Upgrade: websocket', `Sec-WebSocket-Accept: ${accept}`];

const attacks: Record<string, readonly string[]> = {
  'no accept': fitting.slice(0, 2),
  'the accept of another key': [...fitting.slice(0, 2), 'Sec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk='],
  'two accepts': [...fitting, 'Sec-WebSocket-Accept: AAAA'],
  'another protocol': ['Connection: Upgrade', 'Upgrade: h2c', `Sec-WebSocket-Accept: ${accept}`],
  'a subprotocol not offered': [...fitting, 'Sec-WebSocket-Protocol: mcp'],
  'a credential as subprotocol': [...fitting, `Sec-WebSocket-Protocol: bearer.${secretText}`],
  'two subprotocols': [...fitting, 'Sec-WebSocket-Protocol: realtime, mcp'],
  'an extension not offered': [...fitting, 'Sec-WebSocket-Extensions: x-evil'],
  'an extension besides the offered one': [...fitting, 'Sec-WebSocket-Extensions: permessage-deflate, x-evil'],
};

async function upgrade(t: Parameters<typeof forwardingWorld>[0], lines: readonly string[]) {
  const upstream = await startRawUpstream((socket) => {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\nbytes of the upstream`);
  });
  const { gate } = await forwardingWorld(t, upstream);
  const socket = connect(Number(new URL(gate.url).port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  const offer = [
    ...['GET /things/live HTTP/1.1', 'Host: gate', 'Connection: Upgrade', 'Upgrade: websocket'],
    ...['Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${key}`, 'Sec-WebSocket-Protocol: realtime'],
    'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
  ];
  socket.write(`${offer.join('\r\n')}\r\n\r\n`);
  let received = '';
  socket.setEncoding('latin1').on('data', (text) => {
    received += text;
  });
  await once(socket, 'data');
  while (!received.includes('\r\n\r\n')) await once(socket, 'data');
  return { gate, received: () => received, socket };
}

for (const [name, lines] of Object.entries(attacks)) {
  test(`${name}: no upgrade`, async (t) => {
    const { gate, received } = await upgrade(t, lines);
    t.match(received(), /^HTTP\/1\.1 502 /);
    t.notMatch(received(), /bytes of the upstream/);
    t.match(gate.refusals, [{ reason: 'upstream_upgrade_failed' }]);
    t.notMatch(gate.refusals[0]?.detail, secretText);
  });
}

test('a fitting handshake passes, written anew', async (t) => {
  const { received, socket } = await upgrade(t, [
    ...fitting,
    'Sec-WebSocket-Protocol: realtime',
    'Sec-WebSocket-Extensions: permessage-deflate',
    'Set-Cookie: a=b',
    `X-Echo: Bearer ${secretText}`,
    'X-Info: kept',
  ]);
  while (!received().endsWith('bytes of the upstream')) await once(socket, 'data');
  const [head = ''] = received().split('\r\n\r\n');
  t.strictSame(head.split('\r\n'), [
    'HTTP/1.1 101 Switching Protocols',
    'connection: Upgrade',
    'upgrade: websocket',
    `sec-websocket-accept: ${accept}`,
    'sec-websocket-protocol: realtime',
    'sec-websocket-extensions: permessage-deflate',
    'X-Info: kept',
    'x-request-id: 00000000-0000-4000-8000-000000000001',
  ]);
});
