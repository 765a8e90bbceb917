// One OTLP request: whatever answers, it is settled. What never settled would hold every later batch back for good.

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { type Test, test } from 'tap';
import { createPost } from '../../src/telemetry/otlp-post.ts';

/** Something that answers every connection with these bytes and leaves it open. */
async function startAnswering(t: Test, answer: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write(answer));
    t.teardown(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo; // listening on TCP, so never a path or null
  return `http://127.0.0.1:${port}/v1/traces`;
}

const kinds = {
  'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n': 'refused',
  'HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n': 'refused',
  'HTTP/1.1 204 No Content\r\n\r\n': 'taken',
  'no HTTP at all\r\n\r\n': 'again',
};

for (const [answer, kind] of Object.entries(kinds)) {
  test(`answered ${JSON.stringify(answer.split('\r\n', 1)[0])}`, async (t) => {
    const url = await startAnswering(t, answer);
    const post = createPost({ url, headers: async () => ({}), signal: 'TRACES' });
    t.equal((await post(Buffer.from('x'), { signal: new AbortController().signal })).kind, kind);
  });
}
