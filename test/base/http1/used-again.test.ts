// Whether a connection is used again after an answer that came while its request, as far as Node tells, was still on its way: over
// TLS Node tells a turn late, and every call to a near upstream then paid for a handshake.

import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'tap';
import { begin, newConnection, received } from '../../../src/base/http1/connection.ts';
import { get, listener } from '../../support/http1-world.ts';

/** A socket that tells of its writes when it is let. */
function slowToTell({ secure }: { secure: boolean }) {
  let tell = () => {};
  const socket = new Duplex({
    read() {},
    write(_bytes, _encoding, written) {
      tell = written;
    },
  });
  return { socket: Object.assign(socket, secure ? { encrypted: true } : {}), tell: () => tell() };
}

async function answered({ secure, bytes }: { secure: boolean; bytes: number }) {
  const { socket, tell } = slowToTell({ secure });
  const idle: unknown[] = [];
  const keeper = { idle: (connection: unknown) => void idle.push(connection), closed() {} };
  // Of a socket no more is used than a stream has.
  const connection = newConnection(socket as never, 'api.test', keeper);
  const heard = listener();
  begin(connection, { ...get, method: 'POST', body: Buffer.alloc(bytes, 'a') }, heard);
  received(connection, Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'));
  await heard.outcome;
  return { socket, tell, idle };
}

test('over TLS, a small request that turns out to have left by the end of the turn', async (t) => {
  const { socket, tell, idle } = await answered({ secure: true, bytes: 100 });
  tell();
  await turn();
  t.equal(idle.length, 1);
  t.notOk(socket.destroyed);
});

test('over TLS, a small request that has not left by then', async (t) => {
  const { socket } = await answered({ secure: true, bytes: 100 });
  await turn();
  t.ok(socket.destroyed);
});

for (const [name, world] of [
  ['over TLS, a large request, whose end may leave in this very turn', { secure: true, bytes: 100_000 }],
  ['without TLS, where Node tells at once', { secure: false, bytes: 100 }],
] as const) {
  test(name, async (t) => {
    const { socket, idle } = await answered(world);
    t.ok(socket.destroyed, 'at once');
    t.equal(idle.length, 0);
  });
}
