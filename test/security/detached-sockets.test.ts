// Attack: a client gets a socket out of the HTTP server's hands, by CONNECT or by a refused upgrade, and never closes its side.
// Each such socket would be a descriptor held for ever, and one of them would keep a stopping gate from ever stopping.

import { connect, type Socket } from 'node:net';
import { test } from 'tap';
import { refuseEverything } from '../support/listeners-refusing.ts';

const requests = {
  CONNECT: 'CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n',
  'a refused upgrade':
    'GET /openai/v1/realtime HTTP/1.1\r\nHost: gate\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
};

for (const [name, request] of Object.entries(requests)) {
  test(`${name}: answered, and neither kept nor in the way of a stop`, async (t) => {
    const gate = await refuseEverything('openai', 'policy_denied');
    const client = await neverClosing(gate.url, request);
    t.teardown(() => client.socket.destroy());

    t.match(client.answer, /^HTTP\/1\.1 40[35] /);
    await gate.drain(0);
    t.pass('the stop came to its end');
  });
}

/** A client that reads the whole answer and keeps its own side open. */
function neverClosing(url: string, request: string): Promise<{ socket: Socket; answer: string }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true }, () => socket.write(request));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('end', () => resolve({ socket, answer }));
    socket.on('error', reject);
  });
}
